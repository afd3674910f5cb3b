//! What is a target, and what is none.

use proptest::prelude::*;

use super::*;

fn shown(target: &Target<'_>) -> String {
    match target.port {
        Some(port) => format!("{}:{port}", target.host),
        None => target.host.to_string(),
    }
}

fn told(text: &str) -> Vec<String> {
    targets(text).iter().map(shown).collect()
}

#[test]
fn hosts_with_ports_are_targets() {
    for (text, expected) in [
        ("paymentservice:50051", &["paymentservice:50051"][..]),
        ("http://cart.shop.svc.cluster.local:7070/path", &["cart.shop.svc.cluster.local:7070"]),
        ("redis://:pw@redis-cart:6379/0", &["redis-cart:6379"]),
        ("redis://:$(PASSWORD)@redis-cart:6379/0", &["redis-cart:6379"]),
        ("postgres://${USER}:${PW}@db/shop", &["db:5432"]),
        ("user:secret@db:5432", &["db:5432"]),
        ("kafka-0.kafka:9092,kafka-1.kafka:9092", &["kafka-0.kafka:9092", "kafka-1.kafka:9092"]),
        ("a:1 b:2;c:3|d:4", &["a:1", "b:2", "c:3", "d:4"]),
        ("tcp://statsd:8125", &["statsd:8125"]),
        ("jdbc:postgresql://db:5432/x?user=a", &["db:5432"]),
        ("jdbc:mysql://db/x", &["db:3306"]),
        ("postgresql+asyncpg://u:p@db/x", &["db:5432"]),
        (
            "mongodb://u:p@mongo-0.mongo:27017,mongo-1.mongo:27017/x?replicaSet=rs0",
            &["mongo-0.mongo:27017", "mongo-1.mongo:27017"],
        ),
        ("mongodb+srv://u:p@mongo.shop.svc/x", &["mongo.shop.svc"]),
        ("--addr=cart:7070", &["cart:7070"]),
        ("-Dcart.url=http://cart:7070", &["cart:7070"]),
        ("user:pw@tcp(mysql:3306)/shop?parseTime=true", &["mysql:3306"]),
        ("host=db port=5432 user=shop", &["db:5432"]),
        ("Server=DB;Port=3306;Database=shop", &["db:3306"]),
        ("postgres:///shop?host=db&port=5432", &["db:5432"]),
        ("cart.shop.svc.cluster.local.", &["cart.shop.svc.cluster.local"]),
        ("cart.shop.svc", &["cart.shop.svc"]),
        ("_grpc._tcp.cart.shop.svc", &["cart.shop.svc"]),
        ("dns:///cart:7070", &["cart:7070"]),
        ("dns:cart:7070", &["cart:7070"]),
        ("//cart:7070/x", &["cart:7070"]),
        ("HTTPS://Cart.Shop.SVC/x", &["cart.shop.svc:443"]),
        ("{\"cart\":{\"url\":\"http://cart:7070\"}}", &["cart:7070"]),
        ("until /bin/nc -z -w 5 db 5432; do curl -s http://api:8080/x; done", &["api:8080", "db:5432"]),
        ("wget http://${FRONTEND_ADDR} $(wget http://front:80)", &["front:80"]),
    ] {
        assert_eq!(told(text), expected, "{text}");
    }
}

/// Nothing of the kind can be a Service.
#[test]
fn what_has_no_name_or_no_port_is_no_target() {
    for text in [
        "",
        "redis-cart",
        "12:30",
        "12:30:45",
        "10.0.0.1:80",
        "http://10.0.0.1:80/",
        "[::1]:80",
        "http://[2001:db8::1]:80/",
        "::1",
        ":8080",
        "0.0.0.0:8080",
        "C:\\Program Files\\x",
        "user:password",
        "a:0",
        "a:65536",
        "a:080",
        "a:+80",
        "a:80:90",
        "nginx@sha256:fd8d9aa63ba2f0982b5304e1ee8d3b90a210bc1ffb5314d980eb6962f1a9715d",
        "img:v1.2.3",
        "/usr/bin/env:80",
        "unix:/var/run/x.sock",
        "file:///etc/x",
        "http://$(HOST):80",
        "http://${HOST}/x",
        "-a:80",
        "a-:80",
        "a..b:80",
        "a_b:80",
        "é:80",
        "http://",
        "://",
        "@",
        "$",
        "$(",
        "${",
        "host=db",
        "name=a port=5",
        "once db 5432",
        "nc -l 5432",
        "nc",
    ] {
        assert_eq!(told(text), [""; 0], "{text}");
    }
    assert_eq!(told(&format!("{}:80", "a".repeat(64))), [""; 0]);
    assert_eq!(told(&format!("{}:80", "a.".repeat(200))), [""; 0]);
}

fn mention(variable: Option<&str>, text: &str) -> Mention {
    Mention { variable: variable.map(Into::into), text: text.into(), span: crate::source::Span::default() }
}

#[test]
fn a_host_and_a_port_may_stand_apart() {
    let told = |mentions: &[(Option<&str>, &str)]| -> Vec<String> {
        let mentions: Vec<Mention> = mentions.iter().map(|(variable, text)| mention(*variable, text)).collect();
        mentioned(&mentions).iter().map(|(_, target)| shown(target)).collect()
    };
    assert_eq!(told(&[(Some("DB_PORT"), "5432"), (Some("DB_HOST"), "db")]), ["db:5432"]);
    assert_eq!(told(&[(Some("PGHOST"), "db.shop.svc"), (Some("PGPORT"), "5432")]), ["db.shop.svc:5432"]);
    assert_eq!(told(&[(Some("db.host"), "db"), (Some("db.port"), "5432")]), ["db:5432"]);
    assert_eq!(told(&[(None, "--db-host=db"), (None, "--db-port=5432")]), ["db:5432"]);
    assert_eq!(told(&[(Some("CART_SERVICE_HOST"), "cart"), (Some("CART_SERVICE_PORT"), "7070")]), ["cart:7070"]);
    assert_eq!(told(&[(Some("DB_HOSTNAME"), "db"), (Some("HTTP_PORT"), "80")]), ["db"]);
    assert_eq!(told(&[(Some("CART_ADDR"), "cart:7070"), (Some("CART_PORT"), "1")]), ["cart:7070"]);
    // What is no host by its name may be any word.
    assert_eq!(told(&[(Some("OTEL_SERVICE_NAME"), "cart"), (Some("NODE_ENV"), "production")]), [""; 0]);
    assert_eq!(told(&[(None, "cart"), (None, "--name=cart"), (Some("CACHE_TYPE"), "redis")]), [""; 0]);
}

#[test]
fn hosts_are_services_as_dns_finds_them() {
    let told = |host: &str| -> Vec<String> {
        let shown =
            |one: Candidate<'_>| format!("{}/{}{}", one.namespace, one.service, if one.of_pod { " pod" } else { "" });
        candidates(host, "own").into_iter().map(shown).collect()
    };
    assert_eq!(told("cart"), ["own/cart"]);
    assert_eq!(told("cart.shop"), ["own/shop pod", "shop/cart"]);
    assert_eq!(told("cart.shop.svc"), ["shop/cart"]);
    assert_eq!(told("cart.shop.svc.cluster.local"), ["shop/cart"]);
    assert_eq!(told("cart.shop.svc.k8s.example.com"), ["shop/cart"]);
    assert_eq!(told("kafka-0.kafka.shop"), ["shop/kafka pod"]);
    assert_eq!(told("kafka-0.kafka.shop.svc.cluster.local"), ["shop/kafka pod"]);
    assert_eq!(told("a.b.example.com"), [""; 0]);
}

#[test]
fn long_texts_are_looked_at_in_time_that_grows_with_them_and_not_to_their_end() {
    for piece in ["$(", "a=", "@", "://", "a:1,", "a.", "é", "\"", "host=db port=5432 ", "_a.", "${a"] {
        let text = piece.repeat(1_000_000);
        assert!(targets(&text).len() <= MAX_TEXT);
    }
    let far = format!("{} cart:7070", "x".repeat(MAX_TEXT));
    assert_eq!(told(&far), [""; 0]);
}

proptest! {
    #[test]
    fn no_text_is_a_panic_and_every_target_could_be_a_host(text in "\\PC{0,80}|[a-z0-9:/@.,;=$(){}_ -]{0,80}") {
        for target in targets(&text) {
            prop_assert!(host(&target.host).is_some_and(|again| again == target.host), "{target:?}");
            prop_assert!(target.port != Some(0));
            candidates(&target.host, "own");
        }
        let mentions = [mention(Some("DB_HOST"), &text), mention(None, &text)];
        mentioned(&mentions);
    }

    /// Whatever stands around it.
    #[test]
    fn a_host_with_its_port_is_found(
        name in "[a-z]([a-z0-9-]{0,10}[a-z0-9])?",
        rest in "(\\.[a-z]([a-z0-9]{0,8})?){0,2}(\\.svc(\\.cluster\\.local\\.?)?)?",
        port in 1_u16..,
        around in prop::sample::select(vec![
            ("", ""), ("http://", "/x"), ("--to=", ""), ("x ", " y"), ("tcp://u:p@", "?a=b"), ("[\"", "\"]"), ("a,", ",b"),
        ]),
    ) {
        let text = format!("{}{name}{rest}:{port}{}", around.0, around.1);
        let expected = format!("{name}{}:{port}", rest.trim_end_matches('.'));
        prop_assert!(told(&text).contains(&expected), "{text}: {:?}", told(&text));
    }
}
