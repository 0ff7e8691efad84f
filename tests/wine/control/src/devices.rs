//! INFs and devices, by SetupAPI.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::mem::zeroed;
use core::ptr;

use windows_sys::Win32::Devices::DeviceAndDriverInstallation::{
    DIF_REGISTERDEVICE, DIF_REMOVE, DIGCF_ALLCLASSES, DIGCF_PRESENT, HDEVINFO, INSTALLFLAG_FORCE,
    SP_DEVINFO_DATA, SPDRP_CLASS, SPDRP_DEVICEDESC, SPDRP_HARDWAREID, SPDRP_SERVICE, SPOST_PATH,
    SUOI_FORCEDELETE, SetupCopyOEMInfW, SetupDiCallClassInstaller, SetupDiCreateDeviceInfoList,
    SetupDiCreateDeviceInfoW, SetupDiDestroyDeviceInfoList, SetupDiEnumDeviceInfo,
    SetupDiGetClassDevsW, SetupDiGetDeviceInstanceIdW, SetupDiGetDeviceRegistryPropertyW,
    SetupDiGetINFClassW, SetupDiSetDeviceRegistryPropertyW, SetupUninstallOEMInfW,
    UpdateDriverForPlugAndPlayDevicesW,
};

use crate::ask::trouble;
use crate::runtime::{print, wide};
use crate::{Outcome, Trouble};

/// `ERROR_FILE_NOT_FOUND`
const NOT_FOUND: u32 = 2;

/// Puts an INF among those that Plug and Play looks at, and prints the name that it has there.
pub fn copy_inf(inf: &str) -> Outcome {
    let inf = wide(inf);
    let mut name = [0_u16; 260];
    let folder = ptr::null();
    // SAFETY: the name is there, and the buffer as long as is said.
    let done = unsafe {
        SetupCopyOEMInfW(
            inf.as_ptr(),
            folder,
            SPOST_PATH,
            0,
            name.as_mut_ptr(),
            name.len() as u32,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    if done == 0 {
        return Err(trouble("SetupCopyOEMInf"));
    }
    let path = text(&name);
    print(path.rsplit('\\').next().unwrap_or(&path));
    Ok(())
}

/// Takes an INF away again.
pub fn remove_inf(name: &str) -> Outcome {
    let name = wide(name);
    // SAFETY: the name is there.
    if unsafe { SetupUninstallOEMInfW(name.as_ptr(), SUOI_FORCEDELETE, ptr::null()) } == 0 {
        return Err(trouble("SetupUninstallOEMInf"));
    }
    Ok(())
}

fn text(units: &[u16]) -> String {
    let end = units
        .iter()
        .position(|unit| *unit == 0)
        .unwrap_or(units.len());
    String::from_utf16_lossy(&units[..end])
}

fn no_device() -> SP_DEVINFO_DATA {
    // SAFETY: zeros are a record of no device.
    let mut data: SP_DEVINFO_DATA = unsafe { zeroed() };
    data.cbSize = size_of::<SP_DEVINFO_DATA>() as u32;
    data
}

/// Makes a device that no bus reports, and installs the driver that an INF has for it.
pub fn make(inf: &str, id: &str) -> Outcome {
    let inf = wide(inf);
    // SAFETY: zeros are an id.
    let mut class = unsafe { zeroed() };
    let mut name = [0_u16; 64];
    // SAFETY: the name is there, and the buffers as long as is said.
    let known = unsafe {
        SetupDiGetINFClassW(
            inf.as_ptr(),
            &raw mut class,
            name.as_mut_ptr(),
            64,
            ptr::null_mut(),
        )
    };
    if known == 0 {
        return Err(trouble("SetupDiGetINFClass"));
    }
    // SAFETY: it makes an empty list.
    let list = unsafe { SetupDiCreateDeviceInfoList(ptr::null(), ptr::null_mut()) };
    let mut device = no_device();
    let instance = wide(&format!(r"{id}\0000"));
    // SAFETY: the list is there, and so is all that is pointed to.
    let made = unsafe {
        SetupDiCreateDeviceInfoW(
            list,
            instance.as_ptr(),
            &raw const class,
            ptr::null(),
            ptr::null_mut(),
            0,
            &raw mut device,
        )
    };
    if made == 0 {
        return Err(trouble("SetupDiCreateDeviceInfo"));
    }
    let mut ids = wide(id);
    ids.push(0);
    let bytes = (ids.len() * 2) as u32;
    // SAFETY: the list and its device are there, and the ids are so long.
    unsafe {
        SetupDiSetDeviceRegistryPropertyW(
            list,
            &raw mut device,
            SPDRP_HARDWAREID,
            ids.as_ptr().cast(),
            bytes,
        )
    };
    // SAFETY: the list and its device are there.
    if unsafe { SetupDiCallClassInstaller(DIF_REGISTERDEVICE, list, &raw const device) } == 0 {
        return Err(trouble("DIF_REGISTERDEVICE"));
    }
    let id = wide(id);
    // SAFETY: both names are there.
    let updated = unsafe {
        UpdateDriverForPlugAndPlayDevicesW(
            ptr::null_mut(),
            id.as_ptr(),
            inf.as_ptr(),
            INSTALLFLAG_FORCE,
            ptr::null_mut(),
        )
    };
    if updated == 0 {
        return Err(trouble("UpdateDriverForPlugAndPlayDevices"));
    }
    Ok(())
}

/// Does something with each device whose instance id begins with `id`; how many there were.
fn each(
    id: &str,
    present: bool,
    mut work: impl FnMut(HDEVINFO, &SP_DEVINFO_DATA, &str) -> Outcome,
) -> Result<usize, Trouble> {
    let flags = DIGCF_ALLCLASSES | if present { DIGCF_PRESENT } else { 0 };
    // SAFETY: NULLs are every class.
    let list = unsafe { SetupDiGetClassDevsW(ptr::null(), ptr::null(), ptr::null_mut(), flags) };
    let mut found = 0;
    for at in 0.. {
        let mut device = no_device();
        // SAFETY: the list is there.
        if unsafe { SetupDiEnumDeviceInfo(list, at, &raw mut device) } == 0 {
            break;
        }
        let mut name = [0_u16; 300];
        // SAFETY: the list and its device are there, and the buffer is so long.
        unsafe {
            SetupDiGetDeviceInstanceIdW(
                list,
                &raw const device,
                name.as_mut_ptr(),
                300,
                ptr::null_mut(),
            )
        };
        let name = text(&name);
        if name
            .get(..id.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(id))
        {
            found += 1;
            work(list, &device, &name)?;
        }
    }
    // SAFETY: the list is there.
    unsafe { SetupDiDestroyDeviceInfoList(list) };
    Ok(found)
}

/// Removes the devices whose instance ids begin so.
pub fn remove(id: &str) -> Outcome {
    let removed = each(id, false, |list, device, _| {
        // SAFETY: the list and its device are there.
        if unsafe { SetupDiCallClassInstaller(DIF_REMOVE, list, ptr::from_ref(device)) } == 0 {
            return Err(trouble("DIF_REMOVE"));
        }
        Ok(())
    })?;
    if removed == 0 {
        return Err(Trouble("looking for the device", NOT_FOUND));
    }
    Ok(())
}

/// Prints the devices whose instance ids begin so: id, service, class and description, with tabs between them.
pub fn list(id: &str) -> Outcome {
    each(id, false, |list, device, name| {
        let property = |kind| {
            let mut value: Vec<u16> = vec![0; 256];
            let bytes = (value.len() * 2) as u32;
            // SAFETY: the list and its device are there, and the buffer is so long.
            unsafe {
                SetupDiGetDeviceRegistryPropertyW(
                    list,
                    ptr::from_ref(device),
                    kind,
                    ptr::null_mut(),
                    value.as_mut_ptr().cast(),
                    bytes,
                    ptr::null_mut(),
                )
            };
            text(&value)
        };
        let [service, class, description] =
            [SPDRP_SERVICE, SPDRP_CLASS, SPDRP_DEVICEDESC].map(property);
        print(&format!("{name}\t{service}\t{class}\t{description}"));
        Ok(())
    })?;
    Ok(())
}
