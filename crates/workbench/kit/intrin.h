/* Compiler intrinsics. Inline functions alone call them, and bindgen makes no bindings for those. */
#pragma once
#pragma clang diagnostic ignored "-Wimplicit-function-declaration"
