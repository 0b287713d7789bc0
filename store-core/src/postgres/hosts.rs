//! The hosts of a DSN: which are tried, in what order, and when one counts as dead.

use std::cmp::max;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};

/// What the driver has unless the DSN says otherwise.
const DRIVERS_IDLE: Duration = Duration::from_secs(2 * 60 * 60);
/// A connection that is silent for so long is asked whether its host is there …
const IDLE: Duration = Duration::from_secs(30);
/// … again after this …
const INTERVAL: Duration = Duration::from_secs(10);
/// … and for so many times.
const RETRIES: u32 = 3;
/// How long what was sent may go without acknowledgement.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Notices a host that is gone without a word, such as one without power, within about a minute:
/// the system itself would wait for hours, and so would every statement under way.
pub(super) fn notice_dead_hosts(config: &mut Config) {
    if config.get_keepalives_idle() == DRIVERS_IDLE {
        config.keepalives_idle(IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(RETRIES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
}

/// Makes a configuration for each host, or one for all when the driver has to refuse it.
pub(super) fn each(config: &Config) -> Vec<Config> {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let (ports, count) = (config.get_ports(), max(hosts.len(), addresses.len()));
    let fits = |length: usize| length == 0 || length == count;
    if !fits(hosts.len()) || !fits(addresses.len()) || !(ports.len() == 1 || fits(ports.len())) {
        return vec![config.clone()];
    }
    let one = |nth: usize| {
        let mut one = without_hosts(config);
        match hosts.get(nth) {
            Some(Host::Tcp(name)) => drop(one.host(name)),
            #[cfg(unix)]
            Some(Host::Unix(path)) => drop(one.host_path(path)),
            None => {}
        }
        if let Some(address) = addresses.get(nth) {
            one.hostaddr(*address);
        }
        if let Some(port) = ports.get(nth).or_else(|| ports.first()) {
            one.port(*port);
        }
        one
    };
    (0..count).map(one).collect()
}

/// Copies everything that is not about a host; the driver can only add hosts.
fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    if let Some(user) = config.get_user() {
        copy.user(user);
    }
    if let Some(password) = config.get_password() {
        copy.password(password);
    }
    if let Some(name) = config.get_dbname() {
        copy.dbname(name);
    }
    if let Some(options) = config.get_options() {
        copy.options(options);
    }
    if let Some(name) = config.get_application_name() {
        copy.application_name(name);
    }
    if let Some(timeout) = config.get_connect_timeout() {
        copy.connect_timeout(*timeout);
    }
    if let Some(timeout) = config.get_tcp_user_timeout() {
        copy.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        copy.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        copy.keepalives_retries(retries);
    }
    copy.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    copy
}

/// Returns the hosts in the order in which they are tried.
pub(super) fn in_order(hosts: &[Config]) -> Vec<&Config> {
    let mut order: Vec<_> = hosts.iter().collect();
    let random = |host: &&Config| host.get_load_balance_hosts() == LoadBalanceHosts::Random;
    if order.first().is_some_and(random) {
        fastrand::shuffle(&mut order);
    }
    order
}

/// Says why no host took the connection, and which one said what when there are several.
pub(super) fn described(refusals: Vec<(&Config, String)>) -> String {
    let alone = refusals.len() == 1;
    let described = refusals.into_iter().map(|(host, refusal)| match name(host) {
        Some(name) if !alone => format!("{name}: {refusal}"),
        _ => refusal,
    });
    described.collect::<Vec<_>>().join("; ")
}

fn name(host: &Config) -> Option<String> {
    let port = host.get_ports().first().copied().unwrap_or(5432);
    match (host.get_hosts().first(), host.get_hostaddrs().first()) {
        (Some(Host::Tcp(name)), _) => Some(format!("{name}:{port}")),
        #[cfg(unix)]
        (Some(Host::Unix(path)), _) => Some(format!("{}:{port}", path.display())),
        (None, Some(address)) => Some(format!("{address}:{port}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: &str = "user=u password=p dbname=d options='-c a=b' application_name=n \
        sslmode=require sslnegotiation=direct host=h hostaddr=127.0.0.1 port=1 connect_timeout=2 \
        tcp_user_timeout=3 keepalives=0 keepalives_idle=4 keepalives_interval=5 \
        keepalives_retries=6 target_session_attrs=read-write channel_binding=require \
        load_balance_hosts=random";

    #[test]
    fn a_configuration_of_one_host_is_copied_whole() {
        let config: Config = EVERYTHING.parse().unwrap();
        assert_eq!(each(&config), [config]);
    }

    #[test]
    fn each_host_has_its_own_port_or_that_of_all() {
        let cases = [
            ("postgresql://h1:1,h2,[::1]:3/d", vec!["h1:1", "h2:5432", "::1:3"]),
            ("host=h1,h2 port=7", vec!["h1:7", "h2:7"]),
            ("hostaddr=127.0.0.1,127.0.0.2", vec!["127.0.0.1:5432", "127.0.0.2:5432"]),
        ];
        for (dsn, expected) in cases {
            let hosts = each(&dsn.parse().unwrap());
            let names: Vec<_> = in_order(&hosts).into_iter().filter_map(name).collect();
            assert_eq!(names, expected, "{dsn}");
        }
        // The driver refuses what does not add up.
        let odd: Config = "host=h1,h2,h3 port=1,2".parse().unwrap();
        assert_eq!(each(&odd), [odd]);
    }

    #[test]
    fn a_dead_host_is_noticed_unless_the_dsn_says_when() {
        let mut config: Config = "host=h".parse().unwrap();
        notice_dead_hosts(&mut config);
        assert_eq!(config.get_keepalives_idle(), IDLE);
        assert_eq!(config.get_keepalives_interval(), Some(INTERVAL));
        assert_eq!(config.get_keepalives_retries(), Some(RETRIES));
        assert_eq!(config.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED));
        let own: Config = EVERYTHING.parse().unwrap();
        let mut noticed = own.clone();
        notice_dead_hosts(&mut noticed);
        assert_eq!(noticed, own);
    }
}
