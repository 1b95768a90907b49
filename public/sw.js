// The service worker: it shows what people are told while no page of Samvad is open, and nothing else. It keeps no
// pages and answers no requests.

// A new version takes over at once, and can then lead pages that are open already.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => event.waitUntil(show(read(event.data))));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data?.url ?? "/"));
});

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));

/** What the server says. Whatever a newer one may say, something has to be shown: browsers insist on it. */
function read(data) {
  try {
    const { title, body, url, tag, chat_id: chat } = data.json();
    // Nothing leads away from this site.
    const own = typeof url === "string" && new URL(url, self.location.origin).origin === self.location.origin;
    return { title: String(title), body: String(body), url: own ? url : "/", tag: String(tag ?? "samvad"), chat };
  } catch {
    return { title: "Samvad", body: "There is something new.", url: "/", tag: "samvad", chat: null };
  }
}

async function pages() {
  return self.clients.matchAll({ type: "window", includeUncontrolled: true });
}

async function show({ title, body, url, tag, chat }) {
  const isLookedAt = (page) => page.focused && chat && new URL(page.url).pathname.startsWith(`/c/${chat}`);
  if ((await pages()).some(isLookedAt)) return;
  await self.registration.showNotification(title, {
    body,
    // Of one chat there is one notification; a later one takes its place, and is heard all the same.
    tag,
    renotify: true,
    data: { url },
  });
}

/** Goes on in a page that is open, or opens one. */
async function lead(url) {
  const open = await pages();
  const page = open.find((page) => page.focused) ?? open[0];
  if (page) {
    // Some browsers do not let it, and show what it was led to all the same.
    await page.focus().catch(() => {});
    // A page that this worker does not control yet cannot be led.
    if (await page.navigate(url).catch(() => null)) return;
  }
  await self.clients.openWindow(url);
}

/** The push service has given this browser another address: the server is told of it. */
async function subscribeAgain(event) {
  const subscription = event.newSubscription ?? (await subscribe(event.oldSubscription));
  if (!subscription) return;
  const { endpoint, keys } = subscription.toJSON();
  await call("subscribe_push", { endpoint, p256dh: keys.p256dh, auth: keys.auth });
}

async function subscribe(old) {
  let key = old?.options?.applicationServerKey;
  key ??= (await (await call("push_key", {})).json()).public_key;
  if (!key) return null;
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

/** Calls a function of the server as this browser's session. */
async function call(name, fields) {
  const post = (name, fields) => fetch(`/api/${name}`, { method: "POST", body: new URLSearchParams(fields) });
  let answer = await post(name, fields);
  // The access token is good for ten minutes, and no page may have asked for another one.
  if (answer.status === 401 && (await post("refresh", {})).ok) answer = await post(name, fields);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer;
}
