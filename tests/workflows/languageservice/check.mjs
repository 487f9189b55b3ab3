// What GitHub's own language service finds in the workflow files that are named, a line each.
import {readFileSync} from "node:fs";
import {register} from "node:module";
import {basename, dirname, join} from "node:path";

// The package was built for bundlers: it imports JSON without saying that it is.
const json = `export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? {...context, importAttributes: {type: "json"}} : context);`;
register(`data:text/javascript,${encodeURIComponent(json)}`);

const {validate} = await import("@actions/languageservice/validate");
const {TextDocument} = await import("vscode-languageserver-textdocument");

// A workflow that is called lies next to the one that calls it.
const beside = (path, name) => ({name, content: readFileSync(join(dirname(path), name), "utf8")});

for (const path of process.argv.slice(2)) {
  const text = readFileSync(path, "utf8");
  const fileProvider = {getFileContent: async (called) => beside(path, basename(called.path))};
  for (const found of await validate(TextDocument.create(`file://${path}`, "yaml", 1, text), {fileProvider})) {
    console.log(`${basename(path)}:${found.range.start.line + 1}: ${found.message}`);
  }
}
