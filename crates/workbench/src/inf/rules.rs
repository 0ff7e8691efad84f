//! The rules, each with the number that InfVerif gives it where it has one.

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub name: &'static str,
    /// InfVerif's error code for the same ("INF Validation Errors and Warnings").
    pub infverif: Option<u16>,
    /// What it asks.
    pub asks: &'static str,
}

/// Makes a constant of each rule, and the list of them.
macro_rules! rules {
    ($($constant:ident $name:literal $code:expr, $asks:literal;)*) => {
        $(pub const $constant: Rule = Rule { name: $name, infverif: $code, asks: $asks };)*
        /// All of them.
        pub const RULES: &[Rule] = &[$($constant),*];
    };
}

rules! {
    SIGNATURE "signature" Some(1001), "[Version] is there, with Signature=\"$Windows NT$\"";
    SYNTAX "syntax" Some(1002), "every line can be read";
    ENCODING "encoding" Some(1003), "the file is ASCII, or UTF-16 with its mark";
    VALUE "value" Some(1006), "no directive lacks its value";
    CLASS "class" Some(1281), "Class and ClassGuid are Display's";
    MODELS "models" Some(1011), "each manufacturer names its models section";
    RENAME "rename" Some(1100), "what stays in the driver store keeps its name and place";
    SECTION "section" Some(1203), "every section that is named is there";
    PROVIDER "provider" Some(1204), "Provider is who wrote the INF";
    MISUSE "misuse" Some(1206), "no section serves two kinds of directive";
    TWICE "twice" Some(1209), "no section is there twice";
    FUNCTION_DRIVER "function-driver" Some(1211), "each device gets one function driver: a service with flag 0x2";
    CATALOG_AS_SOURCE "catalog-as-source" Some(1213), "no catalog is a source file";
    CATALOG "catalog" Some(1214), "CatalogFile names a .cat";
    VERSION "version" Some(1217), "DriverVer's version is four numbers below 65535, not all 0";
    DATE "date" Some(1218), "DriverVer's date is mm/dd/yyyy";
    ROOT "root" Some(1320), "the registry is written below HKR alone";
    SOURCE "source" Some(1230), "every file that is copied is in [SourceDisksFiles]";
    REQUIRED "required" Some(1234), "[Version] has Class, ClassGuid, Provider, CatalogFile and DriverVer";
    STRING "string" Some(1235), "every %string% is in [Strings]";
    DIRID "dirid" Some(1243), "a %number% is a DIRID that this INF may use: 13";
    FEATURE_SCORE "feature-score" Some(1245), "a display driver has a FeatureScore, two hexadecimal digits";
    REGISTRY_VALUE "registry-value" Some(1268), "a registry value's flags and number are numbers";
    DEVICE "device" Some(1271), "each device names its install section and its hardware id";
    DISK "disk" Some(1273), "each source file's disk is in [SourceDisksNames]";
    ARCHITECTURE "architecture" Some(1274), "no $ARCH$ is left, and sections are for one architecture";
    DESTINATION "destination" Some(1275), "[DestinationDirs] says where files go";
    TARGET "target" Some(1287), "models sections are for Windows 10 2004 (10.0...19041) or newer";
    UNKNOWN "unknown" Some(1290), "every directive is one that its section has";
    DUPLICATE "duplicate" Some(1294), "no hardware id, directive or string is there twice";
    NOTHING "nothing" Some(1297), "there is a device to install on";
    LEGACY "legacy" Some(1300), "no section and no directive from before declarative INFs";
    STORE "store" Some(1322), "files stay in the driver store: DIRID 13";
    PARAMETERS_KEY "parameters-key" Some(1323), "a service's values are in its Parameters key";
    LOCKDOWN "lockdown" Some(1324), "PnpLockdown=1";
    UNUSED "unused" Some(2083), "every section, string and source file is used";
    BINARY "binary" Some(2084), "a service's binary is a file that the INF copies, in DIRID 13";
    USER_MODE "user-mode" Some(2601), "a user-mode driver that is named is copied, and lies in DIRID 13";
    SERVICE "service" Some(2602), "a display service has type 1, start 3, error control 0, group Video";
    HARDWARE "hardware" None, "the hardware ids are those that the driver drives";
    PARAMETER "parameter" None, "the values in Parameters are those that the driver reads";
    IN_STEP "in-step" None, "DriverVer's version is that of Cargo.toml";
}
