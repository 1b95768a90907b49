// Builds the release: the server, and the site that it serves.
//
//   node scripts/build.mjs                  build both
//   node scripts/build.mjs site             build the site
//   node scripts/build.mjs --print-server   the path of the server
//   node scripts/build.mjs --print-site     the path of the site
//   node scripts/build.mjs --print-hashes   the path of the list of its names, which belongs beside the server
//
// It makes what `cargo leptos build --release --precompress` makes, from the same settings
// ([[workspace.metadata.leptos]] in Cargo.toml). Whoever adds a setting there that this file does not
// know is told so, which keeps the two ways from drifting apart.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import zlib from "node:zlib";

const root = path.resolve(import.meta.dirname, "..");
process.chdir(root);

/** What cargo-leptos needs for other things than a release build. */
const IGNORED = [
  "name", "site-addr", "reload-port", "end2end-cmd", "end2end-dir", "disable-erase-components",
];
const USED = [
  "bin-package", "bin-exe-name", "bin-default-features", "bin-features",
  "lib-package", "lib-default-features", "lib-features", "lib-profile-release",
  "output-name", "site-root", "site-pkg-dir", "assets-dir", "style-file", "style-bundle", "browserquery",
  "hash-files", "hash-file-name", "wasm-opt-features",
];
/** The kinds of files that compression makes smaller. */
const COMPRESSIBLE = /\.(js|css|wasm|svg|txt|json|webmanifest|html|xml)$/;
/** Below this many bytes the answer fits into one packet anyway. */
const WORTH_COMPRESSING = 512;

const settings = readSettings();
const files = {
  server: path.join(settings.targetDirectory, "release", settings["bin-exe-name"]),
  hashes: path.join(settings.targetDirectory, "release", settings["hash-file-name"] ?? "hash.txt"),
  wasm: path.join(
    settings.targetDirectory, "front", "wasm32-unknown-unknown", settings["lib-profile-release"],
    `${settings["lib-package"].replaceAll("-", "_")}.wasm`,
  ),
  site: path.join(root, settings["site-root"]),
  stamp: path.join(settings.targetDirectory, "site.stamp.json"),
};

switch (process.argv[2]) {
  case undefined:
    buildServer();
    await buildSite();
    break;
  case "site":
    await buildSite();
    break;
  case "--print-server":
    console.log(files.server);
    break;
  case "--print-site":
    console.log(files.site);
    break;
  case "--print-hashes":
    console.log(files.hashes);
    break;
  default:
    fail(`unknown argument ${process.argv[2]}`);
}

function buildServer() {
  step("Building the server");
  cargo([
    `--package=${settings["bin-package"]}`, `--bin=${settings["bin-exe-name"]}`, "--release",
    ...features("bin"),
  ]);
}

async function buildSite() {
  step("Building the browser's part");
  // The folder that cargo-leptos uses, too: whichever comes second finds everything compiled.
  cargo([
    `--package=${settings["lib-package"]}`, "--lib", "--target=wasm32-unknown-unknown",
    `--target-dir=${path.join(settings.targetDirectory, "front")}`,
    `--profile=${settings["lib-profile-release"]}`, ...features("lib"),
  ]);

  const inputs = fingerprint();
  if (isUpToDate(inputs)) {
    step("The site is up to date");
    return;
  }
  step("Putting the site together");
  // Assembled beside the old site, so that a server that is running never sees half of it.
  const next = `${files.site}.next`;
  fs.rmSync(next, { recursive: true, force: true });
  const pkg = path.join(next, settings["site-pkg-dir"]);
  fs.mkdirSync(pkg, { recursive: true });
  fs.cpSync(settings["assets-dir"], next, { recursive: true });

  bindgen(pkg);
  await minifyScript(pkg);
  await bundleStyle(pkg);
  const hashes = hashNames(pkg);
  const sizes = await compress(next);

  fs.rmSync(files.site, { recursive: true, force: true });
  fs.renameSync(next, files.site);
  fs.mkdirSync(path.dirname(files.hashes), { recursive: true });
  fs.writeFileSync(files.hashes, hashes);
  fs.writeFileSync(files.stamp, JSON.stringify({ inputs, outcome: outcome() }));
  report(sizes);
}

function readSettings() {
  const metadata = JSON.parse(
    execFileSync("cargo", ["metadata", "--locked", "--no-deps", "--format-version=1"], {
      encoding: "utf8",
      maxBuffer: 64 << 20,
    }),
  );
  const projects = metadata.metadata?.leptos ?? [];
  if (projects.length !== 1) fail("Cargo.toml must have exactly one [[workspace.metadata.leptos]]");
  const [project] = projects;
  for (const name of Object.keys(project)) {
    if (!USED.includes(name) && !IGNORED.includes(name)) {
      fail(`scripts/build.mjs does not know the setting “${name}” of [[workspace.metadata.leptos]]`);
    }
  }
  if (!project["hash-files"] || !project["style-bundle"]) fail("hash-files and style-bundle must be true");
  return { ...project, targetDirectory: metadata.target_directory };
}

function features(side) {
  const chosen = settings[`${side}-features`] ?? [];
  return [
    ...(settings[`${side}-default-features`] === false ? ["--no-default-features"] : []),
    ...(chosen.length > 0 ? [`--features=${chosen.join(",")}`] : []),
  ];
}

/** JS and WASM from the compiled module, the latter made as small as wasm-opt can. */
function bindgen(pkg) {
  const name = settings["output-name"];
  run("wasm-bindgen", [
    "--target=web", "--no-typescript", `--out-name=${name}`, `--out-dir=${pkg}`, files.wasm,
  ]);
  const raw = path.join(pkg, `${name}_bg.wasm`);
  // The same defaults as cargo-leptos; the module's own list of features adds the others.
  const options = settings["wasm-opt-features"]
    ?? ["-Oz", "--enable-bulk-memory", "--enable-nontrapping-float-to-int"];
  run(path.join(root, "scripts/node_modules/.bin/wasm-opt"), [
    ...options, raw, "-o", path.join(pkg, `${name}.wasm`),
  ]);
  fs.rmSync(raw);
}

async function minifyScript(pkg) {
  const { transform } = await import("esbuild");
  const file = path.join(pkg, `${settings["output-name"]}.js`);
  const { code } = await transform(fs.readFileSync(file, "utf8"), { minify: true, format: "esm", target: "es2022" });
  fs.writeFileSync(file, code);
}

async function bundleStyle(pkg) {
  process.env.BROWSERSLIST_IGNORE_OLD_DATA = "1";
  const { bundle, browserslistToTargets } = await import("lightningcss");
  const { default: browserslist } = await import("browserslist");
  const { code } = bundle({
    filename: settings["style-file"],
    minify: true,
    targets: browserslistToTargets(browserslist(settings.browserquery)),
  });
  fs.writeFileSync(path.join(pkg, `${settings["output-name"]}.css`), code);
}

/**
 * Puts the hash of its content into each file's name, so that browsers may keep it for ever, and gives
 * what the server reads to know the names.
 */
function hashNames(pkg) {
  const name = settings["output-name"];
  const hashes = {};
  const rename = (extension) => {
    const file = path.join(pkg, `${name}.${extension}`);
    // Of the kind that cargo-leptos writes: MD5 in URL-safe base 64 without padding.
    hashes[extension] = createHash("md5").update(fs.readFileSync(file)).digest("base64url");
    fs.renameSync(file, path.join(pkg, `${name}.${hashes[extension]}.${extension}`));
  };
  rename("wasm");
  // The script's default for the module's name; before the script is hashed, so that a new module gives
  // the script a new name, too.
  const script = path.join(pkg, `${name}.js`);
  const text = fs.readFileSync(script, "utf8");
  fs.writeFileSync(script, text.replaceAll(`${name}_bg.wasm`, `${name}.${hashes.wasm}.wasm`));
  rename("js");
  rename("css");
  return `js: ${hashes.js}\nwasm: ${hashes.wasm}\ncss: ${hashes.css}\n`;
}

/** Puts a .br and a .gz beside each file for which that pays. */
async function compress(site) {
  const brotli = promisify(zlib.brotliCompress);
  const gzip = promisify(zlib.gzip);
  const sizes = [];
  await Promise.all(
    listFiles(site).map(async (name) => {
      const file = path.join(site, name);
      const content = fs.readFileSync(file);
      if (!COMPRESSIBLE.test(name) || content.length < WORTH_COMPRESSING) return;
      const [br, gz] = await Promise.all([
        brotli(content, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
        gzip(content, { level: 9 }),
      ]);
      if (br.length < content.length) fs.writeFileSync(`${file}.br`, br);
      if (gz.length < content.length) fs.writeFileSync(`${file}.gz`, gz);
      sizes.push({ name, raw: content.length, br: br.length, gz: gz.length });
    }),
  );
  return sizes.sort((a, b) => b.raw - a.raw);
}

/** One hash over all that the site is made from. */
function fingerprint() {
  const style = path.dirname(settings["style-file"]);
  return hashOf([
    files.wasm, "Cargo.toml", "scripts/build.mjs", "scripts/package-lock.json",
    ...listFiles(style).map((name) => path.join(style, name)),
    ...listFiles(settings["assets-dir"]).map((name) => path.join(settings["assets-dir"], name)),
  ]);
}

/** One hash over what the build left behind: the site, and the list of names that the server reads. */
function outcome() {
  return hashOf([files.hashes, ...listFiles(files.site).map((name) => path.join(files.site, name))]);
}

/**
 * Whether the last build was from the same inputs, and what it left behind is as it was. `make dev` puts
 * its own files into the same site.
 */
function isUpToDate(inputs) {
  if (![files.stamp, files.hashes, files.site].every((file) => fs.existsSync(file))) return false;
  const stamp = JSON.parse(fs.readFileSync(files.stamp, "utf8"));
  return stamp.inputs === inputs && stamp.outcome === outcome();
}

/** One hash over the names and the contents of files. */
function hashOf(names) {
  const hash = createHash("sha256");
  for (const name of names) {
    const content = fs.readFileSync(name);
    hash.update(`${path.relative(root, path.resolve(name))}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

function listFiles(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

function report(sizes) {
  const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`.padStart(12);
  for (const { name, raw, br, gz } of sizes) {
    console.log(`${name.padEnd(52)}${kib(raw)}${kib(br)} br${kib(gz)} gz`);
  }
}

function cargo(args) {
  run("cargo", ["build", "--locked", ...args]);
}

function run(program, args) {
  try {
    execFileSync(program, args, { stdio: "inherit" });
  } catch (error) {
    fail(error.code === "ENOENT" ? `${program} is missing: run scripts/setup.sh run` : `${program} failed`);
  }
}

function step(text) {
  console.error(`\x1b[1m==>\x1b[0m ${text}`);
}

function fail(text) {
  console.error(`\x1b[1;31merror:\x1b[0m ${text}`);
  process.exit(1);
}
