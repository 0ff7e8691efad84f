//! Outputs that a failed call must not leave behind.

/// Goes through the elements of a call, and clears those that it has handed out unless told to keep
/// them: a call that fails leaves no handle of an object that is gone (contract: C34, O1).
pub struct Rollback<'a, T> {
    elements: &'a mut [T],
    next: usize,
    clear: fn(&mut T),
}

impl<'a, T> Rollback<'a, T> {
    /// `clear` takes the output of one element back.
    pub const fn new(elements: &'a mut [T], clear: fn(&mut T)) -> Self {
        Self {
            elements,
            next: 0,
            clear,
        }
    }

    /// Hands out one element after the other, until `each` fails or all have been handed out.
    ///
    /// # Errors
    ///
    /// That of `each`.
    #[inline]
    pub fn try_each<E>(&mut self, mut each: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        let mut number: usize = 0;
        self.elements.iter_mut().try_for_each(|element| {
            number = number.wrapping_add(1);
            each(element).inspect_err(|_| self.next = number)
        })?;
        self.next = number;
        Ok(())
    }

    /// The call has succeeded: every output stays.
    pub fn keep(mut self) {
        self.next = 0;
    }
}

impl<T> Drop for Rollback<'_, T> {
    fn drop(&mut self) {
        for element in self.elements.iter_mut().take(self.next) {
            (self.clear)(element);
        }
    }
}
