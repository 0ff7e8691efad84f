#!/bin/sh
# Called by rustc as the linker; written by `cargo run -- driver`. See src/driver/link.rs.
set -eu
project=@PROJECT@
sysroot=@SYSROOT@
made=@MADE@
cd "$project"

# Which of LLVM's linkers it is to be is known here.
[ "$1" = -flavor ] && shift 2

left=$#
while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    # rustc writes some files for this link alone, into a folder of a random name.
    case $word in
    *"$project/"*/rustc??????/*)
        file=$project/${word#*"$project/"}
        option=${word%"$file"}
        copy=${file%/rustc??????/*}/link-${file##*/}
        cp "$file" "$copy"
        word=$option$copy
        ;;
    esac
    case $word in
    *"$sysroot/"*) word=${word%%"$sysroot/"*}$made/sysroot/${word#*"$sysroot/"} ;;
    *"$project/"*) word=${word%%"$project/"*}${word#*"$project/"} ;;
    esac
    set -- "$@" "$word"
done
exec @LINKER@ "$@" /PDBSOURCEPATH:@SOURCES@
