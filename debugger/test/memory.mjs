// The memory of a machine that stood still: an ELF core of QEMU's, read through the guest's page tables.

import fs from "node:fs";

const PAGE = 4096n;
const PRESENT = 1n;
const LARGE = 0x80n;
const FRAME = 0x000ffffffffff000n;

export class Memory {
    /** `map`: the file, where pieces of physical memory lie in it, and the page table's root. */
    constructor(map) {
        this.file = fs.openSync(map.file, "r");
        this.pieces = map.pieces.map(([physical, bytes, offset]) => ({
            physical: BigInt(physical), bytes: BigInt(bytes), offset: BigInt(offset),
        }));
        this.root = BigInt(map.root) & FRAME;
        this.frames = new Map();
    }

    /** Bytes at a physical address, within a page. */
    physical(address, count) {
        const piece = this.pieces.find(({ physical, bytes }) => physical <= address && address < physical + bytes);
        if (piece === undefined) {
            throw new Error(`there is no memory at physical address 0x${address.toString(16)}`);
        }
        const buffer = Buffer.alloc(count);
        const read = fs.readSync(this.file, buffer, 0, count, Number(piece.offset + address - piece.physical));
        if (read !== count) {
            throw new Error("the memory image ends early");
        }
        return buffer;
    }

    /** The physical address of a page. */
    frame(page) {
        const known = this.frames.get(page);
        if (known !== undefined) {
            return known;
        }
        let table = this.root;
        for (let shift = 39n; ; shift -= 9n) {
            const index = page >> shift & 0x1ffn;
            const entry = this.physical(table + index * 8n, 8).readBigUInt64LE();
            if ((entry & PRESENT) === 0n) {
                throw new Error(`nothing is mapped at 0x${page.toString(16)}`);
            }
            const inside = (1n << shift) - 1n;
            if (shift === 12n || ((entry & LARGE) !== 0n && shift <= 30n)) {
                const frame = (entry & FRAME & ~inside) + (page & inside & ~(PAGE - 1n));
                this.frames.set(page, frame);
                return frame;
            }
            table = entry & FRAME;
        }
    }

    /** Bytes at a virtual address. */
    read(address, count) {
        const parts = [];
        for (let at = address, left = count; left > 0;) {
            const inside = Number(at & (PAGE - 1n));
            const part = Math.min(left, Number(PAGE) - inside);
            parts.push(this.physical(this.frame(at - BigInt(inside)) + BigInt(inside), part));
            at += BigInt(part);
            left -= part;
        }
        return Buffer.concat(parts);
    }

    /** A number of `bytes` bytes. */
    number(address, bytes, signed) {
        const buffer = this.read(address, bytes);
        let value = 0n;
        for (let at = bytes - 1; at >= 0; at -= 1) {
            value = value << 8n | BigInt(buffer[at]);
        }
        return signed ? BigInt.asIntN(bytes * 8, value) : value;
    }
}
