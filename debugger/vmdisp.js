"use strict";

// What vmdisp.sys has and does, for WinDbg: `.scriptload vmdisp.js`, then `!vmdisp_adapters` and its like
// (docs/debugging.md). Symbols must be loaded: the script knows names of types and members, no offsets.
//
// The upper part asks the debugger, the lower part knows the driver. Under Node the same file runs on a
// memory image of a real run (`cargo run -- debugger`).

// ---------------------------------------------------------------- the debugger

const MODULE = "vmdisp";

/** All that is asked of the debugger. */
const target = {
    variable(name) {
        try {
            const found = host.getModuleSymbol(MODULE, name);
            if (found !== null && found !== undefined) {
                return found;
            }
        } catch (error) {
            // Said below, with what to do.
        }
        throw new Error(`there is no ${MODULE}!${name}: is vmdisp.sys loaded, and its PDB found? (.reload /f vmdisp.sys)`);
    },
    object(location, type) {
        return host.createTypedObject(location, MODULE, type);
    },
    bytes(type) {
        return number(host.getModuleType(MODULE, type).size);
    },
    /** `count` words of 64 bits. */
    words(address, count) {
        return host.memory.readMemoryValues(address, count, 8);
    },
    byteAt(address) {
        return number(Array.from(host.memory.readMemoryValues(address, 1, 1))[0]);
    },
    text(address) {
        return host.memory.readString(address);
    },
};

// Numbers of 64 bits are objects of the debugger's, because JavaScript's numbers have 53.

/** As a number of JavaScript's: exact below 2^53. */
function number(value) {
    return typeof value === "object" ? value.convertToNumber() : Number(value);
}

/** The lower 32 bits. */
function low(value) {
    return (typeof value === "object" ? value.getLowPart() : value % 0x100000000) >>> 0;
}

/** The upper 32 bits. */
function high(value) {
    return (typeof value === "object" ? value.getHighPart() : Math.floor(value / 0x100000000)) >>> 0;
}

function hex(value) {
    const upper = high(value);
    const lower = low(value).toString(16);
    return upper === 0 ? `0x${lower}` : `0x${upper.toString(16)}${lower.padStart(8, "0")}`;
}

// ------------------------------------------------------------------ the driver

const KINDS = ["?", "buffer", "surface", "primary", "shadow", "staging", "GDI surface"];
const OBJECT = "enum2$<vmdisp::allocation::object::Object>";
const TROUBLES = ["none", "private data", "a record", "memory"];
const RUN = 65536;
/** Bytes that slots are a multiple of, and bytes of a cache line. */
const GRAIN = 32;
const LINE = 64;
/** The state of a slot whose object has been pinned: its class and its pins are in its word. */
const PINNED = 3;

/** What `dx` shows of an object in a line is its `line`. */
class Shown {
    constructor(line, members) {
        Object.defineProperty(this, "line", { value: line, enumerable: false });
        Object.assign(this, members);
    }

    toString() {
        return this.line;
    }
}

/** The value of an atomic. */
function atomic(value) {
    return value.v.value;
}

function* adapters() {
    for (const slot of target.variable("vmdisp::ddi::handles::ADAPTERS")) {
        const pointer = slot.p.value;
        if (!pointer.isNull) {
            yield { address: pointer.address, adapter: pointer.dereference() };
        }
    }
}

/** The runs of a slab: their descriptors. */
function* runs(slab) {
    const end = number(slab.growth.value.value.made);
    // They are counted from 4, in arrays of 4, 8, 16, …; each pointer leads to where its array would have
    // number 0.
    let at = 4;
    for (const array of slab.runs.__0) {
        const pointer = array.p.value;
        for (let length = at; length > 0 && at < end; at += 1, length -= 1) {
            if (pointer.isNull) {
                return;
            }
            const run = pointer.add(at).dereference();
            if (!run.base.p.value.isNull) {
                yield run;
            }
        }
    }
}

/** How many slots a run has, and where the first one is: behind their stamps. */
function layout(slotBytes) {
    const stamps = (count) => Math.ceil(count / LINE) * LINE;
    let count = Math.floor(RUN / slotBytes);
    while (stamps(count) + count * slotBytes > RUN) {
        count -= 1;
    }
    return { count, head: stamps(count) };
}

/** A slab's slots that are taken, or look so, and the addresses of their stamps. */
function* taken(slab, slotBytes) {
    if (number(slab.mode) === 0) {
        for (const run of runs(slab)) {
            const base = run.base.p.value.address;
            const free = Array.from(run.state.value.map);
            const { count, head } = layout(slotBytes);
            for (let slot = 0; slot < count; slot += 1) {
                const word = free[slot >>> 6];
                const half = (slot & 32) === 0 ? low(word) : high(word);
                if ((half >>> (slot & 31) & 1) === 0) {
                    yield { address: base.add(slot * slotBytes), stampAt: base.subtract(head).add(slot) };
                }
            }
        }
        return;
    }
    // Each object has a block of its own, whose address is in the set.
    const table = slab.set.current.p.value;
    const cells = table.address.add(target.bytes("vmdisp::pool::set::Table"));
    for (const cell of target.words(cells, number(table.dereference().mask) + 1)) {
        if (high(cell) !== 0 || low(cell) > 1) {
            yield { address: cell, stampAt: cell.add(slotBytes) };
        }
    }
}

/** A slot's handle: one bit of the generation turns the highest bit of the address, the others are its lowest. */
function handleOf(address, generation) {
    const handle = address.add(generation >>> 1);
    return (generation & 1) === 0 ? handle : handle.bitwiseXor(host.parseInt64("0x8000000000000000", 16));
}

/** The live objects of a pool of objects of this type. */
function* live(pool, type) {
    const slab = pool.slab.pointer.dereference();
    const slotType = `vmdisp::pool::slot::Slot<${type}${type.endsWith(">") ? " " : ""}>`;
    const slotBytes = Math.ceil(target.bytes(slotType) / GRAIN) * GRAIN;
    for (const { address, stampAt } of taken(slab, slotBytes)) {
        const stamp = target.byteAt(stampAt);
        const state = stamp >>> 6;
        if (state !== 0) {
            const slot = target.object(address, slotType);
            const word = state === PINNED ? low(atomic(slot.word)) : state - 1;
            yield {
                handle: handleOf(address, stamp & 63),
                kind: word & 1,
                pins: word >>> 1,
                object: target.object(slot.value.targetLocation, type),
            };
        }
    }
}

function count(iterator) {
    let found = 0;
    for (const item of iterator) {
        found += item ? 1 : 0;
    }
    return found;
}

/** The mode that a screen shows: nothing if it has none. */
function mode(screen) {
    const plan = screen.state.value.value.plan;
    // None is what no truth value is.
    if (number(plan.tag) > 1) {
        return undefined;
    }
    const committed = plan.variant1.value.__0.mode;
    return {
        width: number(committed.timing.width),
        height: number(committed.timing.height),
        pitch: number(committed.pitch),
    };
}

function published(engine) {
    return engine.published.block.pointer.dereference().value;
}

function listAdapters() {
    const list = [];
    for (const { address, adapter } of adapters()) {
        const started = number(adapter.running.value.value.tag) !== 0;
        const shown = mode(adapter.screen);
        const objects = Array.from(live(adapter.store.objects, OBJECT));
        const members = {
            address,
            started,
            gone: number(atomic(adapter.gone)) !== 0,
            mode: shown,
            videoMemory: number(atomic(adapter.segments.video_memory)),
            allocations: count(objects.map(({ kind }) => kind === 0)),
            resources: count(objects.map(({ kind }) => kind === 1)),
            openings: count(live(adapter.store.openings, "vmdisp::allocation::object::Opening")),
            devices: count(live(adapter.devices, "vmdisp::adapter::device::Device")),
            contexts: count(live(adapter.contexts, "vmdisp::engine::context::Context")),
        };
        const state = members.gone ? "pulled out" : started ? "started" : "not started";
        const screen = shown ? `${shown.width} x ${shown.height}` : "no mode";
        list.push(new Shown(
            `${hex(address)} ${state}, ${screen}, ${members.videoMemory >>> 20} MiB of video memory; ` +
            `${members.allocations} allocations, ${members.resources} resources, ${members.openings} openings, ` +
            `${members.devices} devices, ${members.contexts} contexts`, members));
    }
    return list;
}

function allocation(handle, pins, object) {
    const { usage: nonZero, layout, rest } = object.variant0.value.__0;
    const usage = nonZero.__0.__0;
    const kind = low(usage) & 0xff;
    const [width, height, pitch] = [low(layout) & 0xffff, low(layout) >>> 16, high(layout)];
    const members = {
        handle,
        kind: KINDS[kind] || `kind ${kind}`,
        flags: low(usage) >>> 8 & 0xff,
        width,
        height,
        format: high(usage),
        pitch,
        bytes: KINDS[kind] === "buffer" ? number(rest) : pitch * height,
        refresh: KINDS[kind] === "buffer" || high(rest) === 0 ? 0 : low(rest) / high(rest),
        segments: low(usage) >>> 16 & 0xff,
        pins,
    };
    const size = members.width === 0 ? "" : ` ${members.width} x ${members.height}, pitch ${members.pitch}, format ${members.format},`;
    const places = ["nowhere", "video memory", "aperture", "video memory or aperture"][members.segments & 3];
    return new Shown(`${hex(handle)} ${members.kind},${size} ${members.bytes} bytes, ${places}`, members);
}

function resource(handle, pins, object) {
    const data = object.variant1.value.__0;
    const members = {
        handle,
        kind: "resource",
        label: number(data.label),
        made: number(atomic(data.made)),
        bytes: number(atomic(data.bytes)),
        pins,
    };
    return new Shown(
        `${hex(handle)} resource, label ${hex(members.label)}, ${members.made} allocations made, ${members.bytes} bytes`, members);
}

function listAllocations() {
    const list = [];
    for (const { adapter } of adapters()) {
        for (const { handle, kind, pins, object } of live(adapter.store.objects, OBJECT)) {
            list.push((kind === 1 ? resource : allocation)(handle, pins, object));
        }
    }
    return list;
}

function tag(bytes) {
    return Array.from(bytes.__0, (byte) => String.fromCharCode(number(byte))).join("");
}

function listPools() {
    const list = [];
    for (const { address, adapter } of adapters()) {
        const pools = [
            ["allocations and resources", adapter.store.objects],
            ["openings", adapter.store.openings],
            ["devices", adapter.devices],
            ["contexts", adapter.contexts],
        ];
        for (const [holds, pool] of pools) {
            const slab = pool.slab.pointer.dereference();
            const growth = slab.growth.value.value;
            const shards = Array.from(slab.shards, (shard) => shard.__0.value.value);
            const perObject = number(slab.mode) !== 0;
            const members = {
                adapter: address,
                holds,
                tag: tag(slab.tag),
                perObject,
                inUse: number(growth.in_use),
                live: perObject ? number(growth.in_use) : shards.reduce((sum, shard) => sum + number(shard.live), 0),
                highWater: perObject
                    ? number(growth.high_water)
                    : shards.reduce((sum, shard) => sum + number(shard.high_water), 0),
                calls: number(growth.calls),
                runs: perObject ? [] : Array.from(runs(slab), (run) => new Shown(
                    `${hex(run.base.p.value.address)}, ${number(run.state.value.free)} slots free, shard ${number(atomic(run.shard))}`,
                    { base: run.base.p.value.address, free: number(run.state.value.free) })),
            };
            list.push(new Shown(
                `${members.tag} ${holds}: ${members.live} live (most ${members.highWater}), ` +
                `${members.inUse} ${perObject ? "blocks" : "runs of 64 KiB"}, ${members.calls} pool calls`, members));
        }
    }
    return list;
}

function jobs(parts) {
    const core = parts.core.block.pointer.dereference().value;
    const state = core.queue.state.value.value;
    const slots = state.jobs.block.pointer.dereference().slots;
    const list = [];
    for (let at = 0; at < number(state.count); at += 1) {
        const job = slots[(number(state.first) + at) % 256];
        const members = { fence: number(job.fence), begin: number(job.begin), end: number(job.end) };
        list.push(new Shown(`fence ${members.fence}, bytes ${members.begin} to ${members.end}`, members));
    }
    return { stuck: number(state.stuck) !== 0, held: number(state.held) !== 0, waiting: list };
}

function listEngines() {
    const list = [];
    for (const { address, adapter } of adapters()) {
        const state = published(adapter.engine);
        const value = (name) => number(atomic(state[name]));
        const counted = (name) => number(atomic(state.counts[name].__0));
        const parts = adapter.engine.parts.value.value;
        const started = number(parts.tag) !== 0;
        const queue = started ? jobs(parts.variant1.value.__0) : { stuck: false, held: false, waiting: [] };
        const members = {
            adapter: address,
            lastSubmitted: value("last_submitted"),
            lastCompleted: value("last_completed"),
            lastAborted: value("last_aborted"),
            active: value("is_active") !== 0 ? value("active") : undefined,
            offset: value("offset"),
            queued: value("queued"),
            preemptionWanted: value("preemption_wanted") !== 0,
            trouble: TROUBLES[value("trouble")] || "?",
            steps: value("steps"),
            marker: value("marker"),
            submitted: counted("submitted"),
            completed: counted("completed"),
            preempted: counted("preempted"),
            resets: counted("resets"),
            stuck: queue.stuck,
            held: queue.held,
            waiting: queue.waiting,
        };
        const doing = !started ? "no queue" : queue.stuck ? `STUCK at fence ${members.active}`
            : members.active !== undefined ? `executes fence ${members.active} at byte ${members.offset}` : "idle";
        list.push(new Shown(
            `${doing}; fences submitted ${members.lastSubmitted}, completed ${members.lastCompleted}, aborted ${members.lastAborted}; ` +
            `${members.queued} wait; ${members.completed} completed, ${members.preempted} preempted, ${members.resets} resets; ` +
            `marker ${hex(members.marker)}; trouble: ${members.trouble}`, members));
    }
    return list;
}

const ENTRY = {
    /** A DDI returned. */
    1: ({ name, status, words }) => [`${name} = ${hex(status)}`, { first: words[4] }],
    /** A complaint. */
    2: ({ name, words }) => [
        `COMPLAINT ${name}: ${target.text(words[5])} = ${hex(words[4])}: ${target.text(words[6])}`, { value: words[4] }],
    /** A note. */
    3: ({ name, words }) => [`note ${name}: ${target.text(words[5])} = ${hex(words[4])}`, { value: words[4] }],
    /** What became of a buffer. */
    4: ({ name, words }) => [`fence ${number(words[4])} ${name}`, { fence: number(words[4]), engine: words[5] }],
    /** A mode. */
    5: ({ words }) => {
        const [width, height, pitch] = words.slice(4, 7).map(number);
        return [width === 0 ? "no mode" : `mode ${width} x ${height}, pitch ${pitch}`, { width, height, pitch }];
    },
};

function entry(sequence, words) {
    const what = words[2];
    const kind = low(what) & 0xff;
    const known = { kind, name: target.text(words[3]), status: high(what), words };
    const [text, more] = (ENTRY[kind] || (() => [`kind ${kind} ${known.name}`, {}]))(known);
    const seconds = number(words[1]) / 1e7;
    const processor = low(what) >>> 16;
    const members = Object.assign({ number: sequence, seconds, processor, kind, name: known.name, status: known.status }, more);
    return new Shown(`#${sequence} ${seconds.toFixed(7)} s, processor ${processor}: ${text}`, members);
}

/** The last `most` entries, oldest first; those that were half written are said to be. */
function listTrace(most) {
    const trace = target.variable("vmdisp::kernel::trace::TRACE");
    const magic = Array.from(trace.magic, (byte) => String.fromCharCode(number(byte))).join("");
    if (magic !== "VMDTRACE" || number(trace.version) !== 1 || number(trace.bytes) !== 64) {
        throw new Error(`this script reads version 1 of the trace, and this is ${magic} ${number(trace.version)}`);
    }
    const next = number(atomic(trace.counters.next));
    const places = number(trace.count);
    const wanted = Math.min(most === undefined ? 64 : number(most), next, places);
    const list = [];
    for (let at = next - wanted; at < next; at += 1) {
        const words = Array.from(target.words(trace.places.address.add(at % places * 64), 8));
        const whole = number(words[0]) === 2 * at + 2;
        list.push(whole ? entry(at, words) : new Shown(`#${at} is being written`, { number: at, words }));
    }
    return list;
}

/** Everything by one name: `dx @$vmdisp().trace`. */
class Everything {
    get adapters() {
        return listAdapters();
    }

    get allocations() {
        return listAllocations();
    }

    get pool() {
        return listPools();
    }

    get engine() {
        return listEngines();
    }

    get trace() {
        return listTrace(4096);
    }

    toString() {
        return "vmdisp: adapters, allocations, pool, engine, trace";
    }
}

function everything() {
    return new Everything();
}

function initializeScript() {
    return [
        new host.apiVersionSupport(1, 7),
        new host.functionAlias(everything, "vmdisp"),
        new host.functionAlias(listAdapters, "vmdisp_adapters"),
        new host.functionAlias(listAllocations, "vmdisp_allocations"),
        new host.functionAlias(listPools, "vmdisp_pool"),
        new host.functionAlias(listEngines, "vmdisp_engine"),
        new host.functionAlias(listTrace, "vmdisp_trace"),
    ];
}
