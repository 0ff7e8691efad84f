// usage: node run.mjs PROGRAM.json [COMMAND[=ARGUMENT]…]: runs the commands of vmdisp.js, or all of them, on the memory
// image that the file names, and prints what they return as JSON: `{ "command": [{ "line": …, … }] }`.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

import { Debugger } from "./host.mjs";
import { Memory } from "./memory.mjs";

const [file, ...wanted] = process.argv.slice(2);
if (file === undefined) {
    console.error("usage: node run.mjs PROGRAM.json [COMMAND…]");
    process.exit(2);
}
const program = JSON.parse(fs.readFileSync(file, "utf8"));
const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "vmdisp.js");
const host = new Debugger(program, new Memory(program.memory)).host();
const context = vm.createContext({ host });
vm.runInContext(fs.readFileSync(script, "utf8"), context, { filename: script });
const aliases = vm.runInContext("initializeScript()", context);
const commands = new Map(aliases.filter(({ name }) => name !== undefined).map(({ name, command }) => [name, command]));
const result = {};
for (const call of wanted.length === 0 ? commands.keys() : wanted) {
    const [name, argument] = call.split("=");
    if (!commands.has(name)) {
        throw new Error(`vmdisp.js has no command ${name}; it has ${[...commands.keys()].join(", ")}`);
    }
    const shown = commands.get(name)(argument === undefined ? undefined : Number(argument));
    const items = Array.isArray(shown) ? shown : [shown];
    result[name] = items.map((item) => ({ line: String(item), ...item }));
}
console.log(JSON.stringify(result));
