// A model of the debugger's `host` object, as far as vmdisp.js uses it: what Microsoft's pages on JavaScript
// extensions say of it, over the types of a PDB and a memory image. What they do not name is not here.

const MASK = (1n << 64n) - 1n;

/** The debugger's numbers of 64 bits. */
export class Int64 {
    #value;

    constructor(value) {
        this.#value = BigInt(value) & MASK;
    }

    static of(value) {
        return value instanceof Int64 ? value.#value : BigInt(value);
    }

    add(other) {
        return new Int64(this.#value + Int64.of(other));
    }

    subtract(other) {
        return new Int64(this.#value - Int64.of(other));
    }

    bitwiseXor(other) {
        return new Int64(this.#value ^ Int64.of(other));
    }

    getLowPart() {
        return Number(this.#value & 0xffffffffn);
    }

    getHighPart() {
        return Number(this.#value >> 32n);
    }

    convertToNumber() {
        return Number(this.#value);
    }

    asNumber() {
        const number = Number(this.#value);
        if (BigInt(number) !== this.#value) {
            throw new Error("64 bit value loses precision on conversion to number");
        }
        return number;
    }

    valueOf() {
        return this.asNumber();
    }

    toString(radix) {
        return radix === undefined ? `0x${this.#value.toString(16)}` : this.#value.toString(radix);
    }

    toJSON() {
        return `0x${this.#value.toString(16)}`;
    }
}

/** The debugger over a program's types and a machine's memory. */
export class Debugger {
    constructor(program, memory) {
        this.program = program;
        this.memory = memory;
        this.base = BigInt(program.base);
    }

    type(index) {
        const type = this.program.types[index];
        if (type === undefined) {
            throw new Error(`type ${index} is not known`);
        }
        return type;
    }

    named(module, name) {
        const index = this.program.names[name];
        if (module !== this.program.module || index === undefined) {
            throw new Error(`there is no type ${module}!${name}`);
        }
        return index;
    }

    /** The object of a type at an address: a number, or something with members. */
    object(address, index) {
        const type = this.type(index);
        switch (type.kind) {
            case "number": {
                const value = this.memory.number(address, type.bytes, type.signed);
                if (type.truth) {
                    return value !== 0n;
                }
                return type.bytes === 8 ? new Int64(value) : Number(value);
            }
            case "pointer":
                return this.pointer(this.memory.number(address, 8, false), type.to);
            case "array":
                return this.array(address, type);
            case "record":
                return this.record(address, type);
            default:
                throw new Error(`an object of type ${index} cannot be looked into`);
        }
    }

    pointer(value, to) {
        return {
            isNull: value === 0n,
            address: new Int64(value),
            add: (count) => this.pointer(value + BigInt(count) * BigInt(this.type(to).bytes), to),
            dereference: () => {
                if (value === 0n) {
                    throw new Error("a null pointer is dereferenced");
                }
                return this.object(value, to);
            },
        };
    }

    array(address, type) {
        const bytes = BigInt(this.type(type.of).bytes);
        const length = bytes === 0n ? 0 : type.bytes / Number(bytes);
        const at = (index) => {
            if (!(index >= 0 && index < length)) {
                throw new Error(`index ${index} of an array of ${length}`);
            }
            return this.object(address + BigInt(index) * bytes, type.of);
        };
        const self = {
            targetLocation: new Int64(address),
            *[Symbol.iterator]() {
                for (let index = 0; index < length; index += 1) {
                    yield at(index);
                }
            },
        };
        return new Proxy(self, {
            get: (object, key) => (typeof key === "string" && /^\d+$/.test(key) ? at(Number(key)) : object[key]),
        });
    }

    record(address, type) {
        const self = { targetLocation: new Int64(address), targetSize: new Int64(type.bytes) };
        return new Proxy(self, {
            get: (object, key) => {
                if (typeof key === "symbol" || key in object) {
                    return object[key];
                }
                const field = type.fields[key];
                if (field === undefined) {
                    throw new Error(`${type.name} has no member ${key}`);
                }
                return this.object(address + BigInt(field.offset), field.type);
            },
        });
    }

    /** What a script sees as `host`. */
    host() {
        const address = (location) => BigInt.asUintN(64, Int64.of(location));
        return {
            apiVersionSupport: class {},
            functionAlias: class {
                constructor(command, name) {
                    // What can stand behind `@$` and `!`; a dot would be read as a module's name.
                    if (!/^[A-Za-z_]\w*$/.test(name)) {
                        throw new Error(`${name} is no name of a function alias`);
                    }
                    Object.assign(this, { command, name });
                }
            },
            getModuleSymbol: (module, name) => {
                const variable = this.program.variables[name];
                if (module !== this.program.module || variable === undefined) {
                    throw new Error(`there is no ${module}!${name}`);
                }
                return this.object(this.base + BigInt(variable.address), variable.type);
            },
            getModuleType: (module, name) => {
                const type = this.type(this.named(module, name));
                return { name: type.name, size: new Int64(type.bytes) };
            },
            createTypedObject: (location, module, name) => this.object(address(location), this.named(module, name)),
            parseInt64: (text, radix) => new Int64(radix === 16 ? `0x${text.replace(/^0x/, "")}` : text),
            memory: {
                readMemoryValues: (location, count, size = 1, signed = false) => {
                    const values = [];
                    for (let at = 0; at < count; at += 1) {
                        const value = this.memory.number(address(location) + BigInt(at * size), size, signed);
                        values.push(size === 8 ? new Int64(value) : Number(value));
                    }
                    return values;
                },
                readString: (location) => {
                    const bytes = [];
                    for (let at = address(location); ; at += 1n) {
                        const [byte] = this.memory.read(at, 1);
                        if (byte === 0) {
                            return Buffer.from(bytes).toString("latin1");
                        }
                        bytes.push(byte);
                    }
                },
            },
        };
    }
}
