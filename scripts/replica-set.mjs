// Makes one replica set of the given members, and waits until it has a primary and all are in step.
//
//   node scripts/replica-set.mjs <host:port>…
//
// A mongod ships without a shell, and this needs two commands of it: so it speaks the wire protocol itself
// (OP_MSG, with the few BSON types that these commands use).

import net from 'node:net';

const NAME = 'samvad';
const PATIENCE_MS = 60_000;

const cstring = (text) => Buffer.concat([Buffer.from(text), Buffer.of(0)]);
const int32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

function element(name, value) {
  const key = cstring(name);
  if (typeof value === 'string') {
    const text = cstring(value);
    return Buffer.concat([Buffer.of(2), key, int32(text.length), text]);
  }
  if (typeof value === 'number') return Buffer.concat([Buffer.of(16), key, int32(value)]);
  return Buffer.concat([Buffer.of(Array.isArray(value) ? 4 : 3), key, encode(value)]);
}

function encode(object) {
  const body = Buffer.concat(Object.entries(object).map(([name, value]) => element(name, value)));
  return Buffer.concat([int32(body.length + 5), body, Buffer.of(0)]);
}

function decode(bytes) {
  const object = {};
  let at = 4;
  while (bytes[at] !== 0) {
    const type = bytes[at];
    const end = bytes.indexOf(0, at + 1);
    const name = bytes.toString('utf8', at + 1, end);
    at = end + 1;
    const size = () => bytes.readInt32LE(at);
    const sizes = { 1: 8, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8 };
    if (type === 2) {
      object[name] = bytes.toString('utf8', at + 4, at + 3 + size());
      at += 4 + size();
    } else if (type === 3 || type === 4) {
      object[name] = decode(bytes.subarray(at, at + size()));
      at += size();
    } else if (type === 5) {
      at += 5 + size();
    } else if (type in sizes) {
      if (type === 1) object[name] = bytes.readDoubleLE(at);
      if (type === 8) object[name] = bytes[at] === 1;
      if (type === 16) object[name] = bytes.readInt32LE(at);
      at += sizes[type];
    } else {
      throw new Error(`an answer with a value of type ${type}`);
    }
  }
  return object;
}

function command(member, body) {
  const [host, port] = member.split(':');
  const payload = Buffer.concat([int32(0), Buffer.of(0), encode({ ...body, $db: 'admin' })]);
  const header = Buffer.concat([int32(payload.length + 16), int32(1), int32(0), int32(2013)]);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = net.connect(Number(port), host, () => socket.write(Buffer.concat([header, payload])));
    socket.setTimeout(30_000, () => socket.destroy(new Error(`${member} does not answer`)));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < received.readInt32LE(0)) return;
      socket.end();
      resolve(decode(received.subarray(21)));
    });
  });
}

async function until(what, test) {
  const limit = Date.now() + PATIENCE_MS;
  let last = '';
  while (Date.now() < limit) {
    try {
      last = await test();
      if (last === true) return;
    } catch (error) {
      last = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${what}: ${last}`);
}

const members = process.argv.slice(2);
await until('not every member answers', async () => {
  await Promise.all(members.map((member) => command(member, { ping: 1 })));
  return true;
});
const config = { _id: NAME, members: members.map((host, place) => ({ _id: place, host })) };
const made = await command(members[0], { replSetInitiate: config });
if (made.ok !== 1 && made.codeName !== 'AlreadyInitialized') {
  console.error(`The replica set cannot be made: ${made.errmsg}`);
  process.exit(1);
}
await until('the replica set has no primary', async () => {
  const status = await command(members[0], { replSetGetStatus: 1 });
  const states = Object.values(status.members ?? {}).map((member) => member.stateStr);
  const ready = states.includes('PRIMARY') && states.every((state) => /PRIMARY|SECONDARY/.test(state));
  return ready || states.join(' ');
});
