//! What a user-mode program learns by DxgkDdiEscape (contract: E1).

use vmdisp_abi::escape::{
    AdapterAnswer, MAGIC, Question, REQUEST_BYTES, Request, Statistics, StatisticsAnswer,
};
use vmdisp_abi::{Header, VERSION};
use zerocopy::{FromBytes, IntoBytes};

use super::{Adapter, information};
use crate::kernel::caller::CallerData;
use crate::kernel::irql::Passive;
use crate::kernel::{Fault, complain};

/// What is written over the caller's block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing: the block is not of this driver's protocol, and stays as it is.
    NotOurs,
    /// What the adapter is.
    Adapter(AdapterAnswer),
    /// What it has done.
    Statistics(StatisticsAnswer),
}

impl Answer {
    /// The bytes to write.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::NotOurs => &[],
            Self::Adapter(answer) => answer.as_bytes(),
            Self::Statistics(answer) => answer.as_bytes(),
        }
    }
}

/// Why there is no answer: what the page lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// `STATUS_INVALID_PARAMETER`
    Parameter,
    /// `STATUS_ILLEGAL_INSTRUCTION`
    Illegal,
    /// `STATUS_GRAPHICS_DRIVER_MISMATCH`
    Mismatch,
}

impl From<Fault> for Error {
    fn from(_: Fault) -> Self {
        complain(c"Escape", c"pPrivateDriverData", 0, c"cannot be read");
        Self::Parameter
    }
}

impl Adapter {
    /// Answers what is asked in `block`.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn escape(&self, block: CallerData<'_>, irql: Passive) -> Result<Answer, Error> {
        // Whoever asks something shorter, or without our magic, speaks to another driver. Programs of
        // Windows' own are among them, and must not take a refusal for a broken device.
        if block.bytes() < REQUEST_BYTES.into() {
            return Ok(Answer::NotOurs);
        }
        let mut bytes = [0; REQUEST_BYTES as usize];
        block.read(&mut bytes, irql)?;
        let request = Request::read_from_bytes(&bytes).map_err(|_| Error::Parameter)?;
        if request.header.magic != MAGIC {
            return Ok(Answer::NotOurs);
        }
        let wrong = |field, value: u32, why, error| {
            complain(c"Escape", field, value.into(), why);
            Err(error)
        };
        if request.header.version != VERSION {
            let version = request.header.version.into();
            return wrong(c"version", version, c"not this driver's", Error::Mismatch);
        }
        let Some(question) = Question::from_number(request.question) else {
            let question = request.question;
            return wrong(c"question", question, c"is unknown", Error::Illegal);
        };
        let header = Header::new(MAGIC, question.block_bytes());
        let size = u32::from(question.block_bytes());
        if request.header != header || block.bytes() != size {
            return wrong(
                c"PrivateDriverDataSize",
                block.bytes(),
                c"not the answer's, or not what the header says",
                Error::Parameter,
            );
        }
        if request.reserved != 0 {
            let reserved = request.reserved;
            return wrong(c"reserved", reserved, c"is not 0", Error::Parameter);
        }
        Ok(match question {
            Question::Adapter => Answer::Adapter(AdapterAnswer {
                request,
                adapter: information::private_data(self, irql),
            }),
            Question::Statistics => Answer::Statistics(StatisticsAnswer {
                request,
                statistics: self.statistics(irql),
            }),
        })
    }

    fn statistics(&self, irql: Passive) -> Statistics {
        let engine = self.engine.counts();
        Statistics {
            allocations: self.store.statistics(irql).live as u64,
            openings: self.store.openings.statistics(irql).live as u64,
            devices: self.devices.statistics(irql).live as u64,
            contexts: self.contexts.statistics(irql).live as u64,
            submitted: engine.submitted.get(),
            completed: engine.completed.get(),
            preempted: engine.preempted.get(),
            resets: engine.resets.get(),
        }
    }
}
