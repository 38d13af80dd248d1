//! Starting, and not starting: every refusal names the way out.

use crate::common::process::{Process, Said};
use crate::common::{Shop, end, fresh, order, shared};
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn refused(arguments: &[&str]) -> Said {
    let said = Process::shop(arguments).said(SOON);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.starts_with("error: ") && said.err.lines().count() == 1, "one line says why: {said:?}");
    said
}

fn on_folder(folder: &Path) -> Said {
    refused(&["--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()])
}

#[test]
fn a_port_in_use_is_refused_and_the_way_out_is_named() {
    let shop = shared();
    let folder = tempfile::tempdir().unwrap();
    let address = shop.address.to_string();
    let said = refused(&["--listen", &address, "--data", folder.path().join("new").to_str().unwrap()]);
    assert!(said.err.contains(&address) && said.err.contains("choose another port"), "{said:?}");
    assert_eq!((said.out.as_str(), folder.path().join("new").exists()), ("", false));
    assert_eq!(shop.get("/readyz").status, 200);
}

#[test]
fn a_folder_in_use_is_refused_without_the_first_one_noticing() {
    let shop = Shop::start();
    let said = on_folder(shop.folder());
    assert!(said.err.contains("another process") && said.err.contains("choose another folder"), "{said:?}");
    assert!(said.err.contains(shop.folder().join("ordering.db").to_str().unwrap()), "{said:?}");
    assert!(said.err.contains(&shop.process.pid().to_string()), "it names who has it: {said:?}");
    let id = shop.place("first", "notebook-a5", 1, "pm_ok");
    assert_eq!(end(&shop.settled(&id)), ("CONFIRMED", None));
    assert_eq!((shop.process.errors().as_str(), shop.get("/audit").json()["ok"].as_bool()), ("", Some(true)));
}

#[test]
fn a_folder_that_cannot_be_one_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    for folder in [file.clone(), file.join("below")] {
        let said = on_folder(&folder);
        assert!(said.err.contains(folder.to_str().unwrap()) && said.err.contains("--data"), "{said:?}");
    }
    assert!(on_folder(&file).err.contains("it is a file"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temp.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let data = temp.path().to_str().unwrap();
    let said = Process::shop_held_to_rights(&["--listen", "127.0.0.1:0", "--data", data]).said(SOON);
    assert!(said.code == Some(1) && said.err.contains(data) && said.err.contains("cannot be written"), "{said:?}");
}

#[test]
fn a_file_that_is_no_store_is_named_and_left_as_it_is() {
    let foreign = {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.db");
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE mine (a); INSERT INTO mine VALUES (7)")
            .unwrap();
        std::fs::read(path).unwrap()
    };
    let broken = [b"SQLite format 3\0".to_vec(), vec![0xa5; 9_000]].concat();
    for bytes in [b"shopping list: milk".to_vec(), vec![0; 64 << 10], foreign, broken] {
        for name in ["ordering.db", "psp.db"] {
            let temp = tempfile::tempdir().unwrap();
            let file = temp.path().join(name);
            std::fs::write(&file, &bytes).unwrap();
            let said = on_folder(temp.path());
            assert!(said.err.contains(file.to_str().unwrap()), "{said:?}");
            assert!(std::fs::read(&file).unwrap() == bytes, "{name} was changed");
        }
    }
}

#[test]
fn wrong_usage_is_exit_2_and_nothing_is_made() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    let data = data.to_str().unwrap();
    let wrong: [&[&str]; 10] = [
        &["--nope"],
        &["frobnicate"],
        &["--data", data, "--listen", "nonsense"],
        &["--data", data, "--listen", "127.0.0.1:99999"],
        &["--data", data, "--max-unfinished", "many"],
        &["--listen"],
        &["drive", "--orders", "x"],
        &["drive", "--orders", "1", "--concurrency", "1", "--mix", "fine=1"],
        &["audit", "--settle", "soon"],
        &["audit", "extra"],
    ];
    for arguments in wrong {
        let said = Process::shop(arguments).said(SOON);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {said:?}");
        assert!(said.err.contains("error: "), "{said:?}");
    }
    assert!(!Path::new(data).exists());
}

#[test]
fn help_has_examples_and_exit_codes() {
    let commands = ["drive", "audit", "check", "backup"].map(|command| vec![command, "--help"]);
    for arguments in [vec!["--help"]].into_iter().chain(commands) {
        let said = Process::shop(&arguments).said(SOON);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(said.out.contains("Examples:\n  shop") && said.out.contains("2 wrong usage"), "{}", said.out);
    }
}

pub(crate) fn without_a_server_drive_and_audit_say_how_to_start_one() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    for arguments in [&["drive", "--orders", "1", "--concurrency", "1"][..], &["audit"]] {
        for json in [&[][..], &["--json"]] {
            let watch = crate::common::Watch::start();
            let said = Process::shop(&[arguments, &["--url", &url], json].concat()).said(SOON);
            assert!(watch.secs() < 3.0, "{arguments:?} took {} s", watch.secs());
            assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
            assert!(said.err.contains(&format!("shop --listen {free}")), "{said:?}");
        }
    }
}

#[test]
fn the_banner_is_short_and_its_orders_can_be_pasted() {
    let shop = Shop::start();
    assert!(shop.banner.len() <= 12, "{:?}", shop.banner);
    let text = shop.banner.join("\n");
    for part in [
        format!("{}/console", shop.url()),
        format!("{} (new)", shop.folder().display()),
        format!("kill -9 {}", shop.process.pid()),
    ] {
        assert!(text.contains(&part), "{part:?} in {text}");
    }
    let orders: Vec<&String> = shop.banner.iter().filter(|line| line.contains("curl ")).collect();
    let quoted = |line: &str| line.split('\'').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<_>>();
    for (line, method) in orders.iter().zip(["pm_ok", "pm_slow"]) {
        let [kind, key, body] = quoted(line).try_into().unwrap();
        assert!(line.contains(&format!("{}/orders", shop.url())) && body.contains(method), "{line}");
        for replayed in [None, Some("true")] {
            let headers = [&kind, &key].map(|header| header.split_once(": ").unwrap());
            let ask = headers.iter().fold(shop.post("/orders"), |ask, (name, value)| ask.header(name, value));
            let answer = ask.body(&body).send();
            assert_eq!((answer.status, answer.header("idempotent-replayed")), (202, replayed), "{answer:?}");
        }
    }
    assert_eq!(orders.len(), 2);
    let other = Shop::start();
    assert!(other.banner.iter().all(|line| !orders.contains(&line)), "the keys are fresh");
}

#[test]
fn a_pipe_gets_no_colours_and_an_order_no_line() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shop"));
    let folder = tempfile::tempdir().unwrap();
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(folder.path()).env("RUST_LOG", "debug");
    let mut process = Process::spawn(command);
    let first = process.line(SOON).unwrap();
    let address = crate::common::address_in(&first);
    let ready = || crate::common::http::Ask::new(address, "GET", "/readyz").send().status == 200;
    crate::common::until(10.0, "it is ready", || ready().then_some(()));
    process.signal(rustix::process::Signal::TERM);
    assert!(process.wait(SOON).is_some());
    assert!(!process.errors().contains('\u{1b}'), "{}", process.errors());
    let shop = shared();
    let id = shop.send(&fresh("k"), &order("quiet", "notebook-a5", 1, "pm_ok")).json()["order_id"]
        .as_str()
        .unwrap()
        .to_owned();
    shop.settled(&id);
    assert_eq!(shop.process.errors(), "");
    assert!(shop.banner.iter().all(|line| !line.contains('\u{1b}')));
}
