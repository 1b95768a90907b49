//! The proxy does what it says, and nothing else: what rests on it would not notice.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::{CutAt, Direction, Proxy, soon, until};

/// For how long it is looked that nothing moves.
const A_WHILE: Duration = Duration::from_millis(150);

/// Both ends of a connection through the proxy.
struct Ends {
    client: TcpStream,
    server: TcpStream,
}

/// The proxy and what is behind it.
struct Scene {
    listener: TcpListener,
    proxy: Proxy,
}

impl Scene {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await;
        Self { listener, proxy }
    }

    async fn connect(&self) -> Ends {
        let client = TcpStream::connect(self.proxy.addr).await.unwrap();
        let (server, _) = soon("the connection behind", self.listener.accept()).await.unwrap();
        Ends { client, server }
    }
}

impl Ends {
    /// Says something in this direction, and waits until it is there.
    async fn says(&mut self, direction: Direction, words: &[u8]) {
        let (from, to) = match direction {
            Direction::ToServer => (&mut self.client, &mut self.server),
            Direction::ToClient => (&mut self.server, &mut self.client),
        };
        from.write_all(words).await.unwrap();
        assert_eq!(hears(to, words.len()).await, words);
    }
}

async fn hears(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut heard = vec![0; length];
    soon("what was said", stream.read_exact(&mut heard)).await.unwrap();
    heard
}

async fn hears_nothing(stream: &mut TcpStream) {
    assert!(timeout(A_WHILE, stream.read_u8()).await.is_err(), "neither a byte nor an end");
}

/// Reads to the end. Says what came before it, and whether it was one in order.
async fn hears_out(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut heard = Vec::new();
    let in_order = soon("the end", stream.read_to_end(&mut heard)).await.is_ok();
    (heard, in_order)
}

#[tokio::test]
async fn left_alone_it_carries_everything_both_ways_and_the_ends_too() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    let much: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
    let Ends { client, server } = &mut ends;
    let ((), heard) = soon("much", async {
        tokio::join!(
            async {
                client.write_all(&much).await.unwrap();
                client.shutdown().await.unwrap();
            },
            hears_out(server)
        )
    })
    .await;
    assert!(heard == (much.clone(), true), "all of it, to its end in order");
    ends.says(Direction::ToClient, b"the other half is open still").await;
    drop(ends.server);
    assert_eq!(hears_out(&mut ends.client).await, (Vec::new(), true));
    until("it is closed", async || (scene.proxy.open() == 0).then_some(())).await;
    assert_eq!((scene.proxy.connections(), scene.proxy.cuts_done()), (1, 0));
    assert_eq!(scene.proxy.bytes(Direction::ToServer), much.len() as u64);
    assert_eq!(scene.proxy.bytes(Direction::ToClient), 28);
}

#[tokio::test]
async fn it_cuts_at_every_byte_and_lets_through_those_before() {
    let scene = Scene::start().await;
    for direction in [Direction::ToServer, Direction::ToClient] {
        for place in 0..20_usize {
            scene.proxy.cut_after(direction, place as u64);
        }
        for place in 0..20_usize {
            let Ends { mut client, mut server } = scene.connect().await;
            let (from, to) = match direction {
                Direction::ToServer => (&mut client, &mut server),
                Direction::ToClient => (&mut server, &mut client),
            };
            from.write_all(b"twenty bytes of text").await.unwrap();
            let said = b"twenty bytes of text"[..place].to_vec();
            assert_eq!(hears_out(to).await, (said, false), "cut after {place}");
            assert!(!hears_out(from).await.1, "whoever spoke is told");
        }
    }
    assert_eq!((scene.proxy.cuts_done(), scene.proxy.cuts_left()), (40, 0));
    scene.connect().await.says(Direction::ToServer, b"the next one is whole").await;
}

#[tokio::test]
async fn a_connection_takes_its_turn_among_the_cuts() {
    let scene = Scene::start().await;
    scene.proxy.spare_one();
    scene.proxy.cut_after(Direction::ToServer, 2);
    let (mut spared, mut cut) = (scene.connect().await, scene.connect().await);
    spared.says(Direction::ToServer, b"whole").await;
    cut.client.write_all(b"whole").await.unwrap();
    assert_eq!(hears_out(&mut cut.server).await, (b"wh".to_vec(), false));
    spared.says(Direction::ToClient, b"still").await;
}

#[tokio::test]
async fn a_cut_may_be_meant_for_who_says_something() {
    let scene = Scene::start().await;
    let cut = CutAt { direction: Direction::ToClient, bytes: 2 };
    scene.proxy.cut_one_that_says(b"GET", Some(cut));
    let (mut posts, mut gets) = (scene.connect().await, scene.connect().await);
    for _ in 0..2 {
        posts.says(Direction::ToServer, b"POST").await;
        posts.says(Direction::ToClient, b"answer").await;
    }
    gets.says(Direction::ToServer, b"GET /").await;
    gets.server.write_all(b"answer").await.unwrap();
    assert_eq!(hears_out(&mut gets.client).await, (b"an".to_vec(), false));
    let mut again = scene.connect().await;
    again.says(Direction::ToServer, b"GET /").await;
    again.says(Direction::ToClient, b"answer").await;
    assert_eq!((scene.proxy.cuts_done(), scene.proxy.cuts_left()), (1, 0));
}

#[tokio::test]
async fn frozen_it_moves_nothing_and_goes_on_where_it_was() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    ends.says(Direction::ToServer, b"before").await;
    scene.proxy.freeze();
    ends.client.write_all(b"asked").await.unwrap();
    ends.server.write_all(b"told").await.unwrap();
    let late = TcpStream::connect(scene.proxy.addr).await.unwrap();
    hears_nothing(&mut ends.server).await;
    hears_nothing(&mut ends.client).await;
    // Nor does the end of anything, be it in order or not.
    ends.server.set_zero_linger().unwrap();
    drop(ends.server);
    hears_nothing(&mut ends.client).await;
    assert!(timeout(A_WHILE, scene.listener.accept()).await.is_err(), "nobody comes through");
    scene.proxy.restore();
    let (_late_there, _) = soon("who came late", scene.listener.accept()).await.unwrap();
    assert!(!hears_out(&mut ends.client).await.1, "and now it is told");
    drop(late);
}

#[tokio::test]
async fn what_is_held_up_comes_when_it_may() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    scene.proxy.freeze();
    ends.client.write_all(b"asked").await.unwrap();
    ends.server.write_all(b"told").await.unwrap();
    hears_nothing(&mut ends.server).await;
    scene.proxy.restore();
    assert_eq!(hears(&mut ends.server, 5).await, b"asked");
    assert_eq!(hears(&mut ends.client, 4).await, b"told");
}

#[tokio::test]
async fn half_open_it_moves_one_way_only() {
    for held in [Direction::ToServer, Direction::ToClient] {
        let scene = Scene::start().await;
        let mut ends = scene.connect().await;
        scene.proxy.half_open(held);
        let open = if held == Direction::ToServer { Direction::ToClient } else { Direction::ToServer };
        ends.says(open, b"this way").await;
        let (from, to) = match held {
            Direction::ToServer => (&mut ends.client, &mut ends.server),
            Direction::ToClient => (&mut ends.server, &mut ends.client),
        };
        from.write_all(b"not that way").await.unwrap();
        hears_nothing(to).await;
        scene.proxy.restore();
        assert_eq!(hears(to, 12).await, b"not that way");
    }
}

#[tokio::test]
async fn what_is_lost_stays_silent_and_new_connections_do_not() {
    let scene = Scene::start().await;
    let mut lost = scene.connect().await;
    scene.proxy.lose_connections();
    let mut new = scene.connect().await;
    new.says(Direction::ToServer, b"served").await;
    lost.server.write_all(b"anybody there?").await.unwrap();
    scene.proxy.restore();
    hears_nothing(&mut lost.client).await;
    drop(lost.server);
    hears_nothing(&mut lost.client).await;
    new.says(Direction::ToClient, b"served").await;
}

#[tokio::test]
async fn a_cut_is_told_to_both_and_refuses_whoever_comes() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    ends.says(Direction::ToServer, b"before").await;
    scene.proxy.cut();
    assert_eq!(hears_out(&mut ends.client).await, (Vec::new(), false));
    assert_eq!(hears_out(&mut ends.server).await, (Vec::new(), false));
    let refused = async {
        let mut late = TcpStream::connect(scene.proxy.addr).await?;
        late.read_u8().await
    };
    soon("the refusal", refused).await.unwrap_err();
    assert_eq!((scene.proxy.cuts_done(), scene.proxy.refused()), (1, 1));
    scene.proxy.restore();
    scene.connect().await.says(Direction::ToClient, b"welcome").await;
}

#[tokio::test]
async fn connections_are_reset_and_come_back() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    ends.says(Direction::ToClient, b"before").await;
    scene.proxy.reset_connections();
    assert!(!hears_out(&mut ends.client).await.1);
    scene.connect().await.says(Direction::ToClient, b"again").await;
}

#[tokio::test]
async fn a_delay_holds_up_each_byte_for_so_long_and_no_longer() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    ends.says(Direction::ToServer, b"at once").await;
    scene.proxy.delay(Duration::from_millis(200));
    let began = Instant::now();
    // They are delayed together, not one after the other.
    for word in 0..20_u8 {
        ends.client.write_all(&[word; 8]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let heard = hears(&mut ends.server, 160).await;
    assert!(heard.is_sorted(), "in order");
    let took = began.elapsed();
    assert!((200..1_000).contains(&took.as_millis()), "{took:?}");
    ends.says(Direction::ToClient, b"and back").await;
    assert!(began.elapsed() >= took + Duration::from_millis(200));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(addr).await;
    let mut client = TcpStream::connect(proxy.addr).await.unwrap();
    assert!(!hears_out(&mut client).await.1);
}

#[tokio::test]
async fn dropped_it_leaves_nothing_open() {
    let scene = Scene::start().await;
    let mut ends = scene.connect().await;
    let addr = scene.proxy.addr;
    drop(scene.proxy);
    hears_out(&mut ends.client).await;
    hears_out(&mut ends.server).await;
    until("nobody listens", async || TcpStream::connect(addr).await.err()).await;
}
