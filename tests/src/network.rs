//! The open network, as a test has it: a name server, and mail servers on loopback addresses that share one port.

use std::net::{SocketAddr, TcpListener};

use crate::names::Names;
use crate::{Config, Sink};

/// Names and servers.
pub struct Network {
    /// The name server.
    pub names: Names,
    port: u16,
    /// Keeps the port from others: nobody is told to come to 127.0.0.1.
    _reserved: TcpListener,
}

impl Network {
    /// An empty one.
    pub fn new() -> Self {
        let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { names: Names::new(), port: reserved.local_addr().unwrap().port(), _reserved: reserved }
    }

    /// Opens a server at this address.
    pub fn open(&self, address: &str) -> Sink {
        Sink::at(SocketAddr::new(address.parse().unwrap(), self.port))
    }

    /// Opens a server at this address, the only one of `domain`.
    pub fn server_of(&self, domain: &str, address: &str) -> Sink {
        self.names.server(domain, 10, &format!("mx.{domain}"), address);
        self.open(address)
    }

    /// The port of all servers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A site that sends straight to MX here. `mx`: further lines of `[sending.mx]`.
    pub fn config(&self, mx: &str) -> Config {
        self.config_with("", mx)
    }

    /// With further lines of `[sending]`.
    pub fn config_with(&self, sending: &str, mx: &str) -> Config {
        self.config_asking(self.names.at(), "", sending, mx)
    }

    /// That asks this name server instead. `dns`: further lines of `[dns]`.
    pub fn config_asking(&self, server: SocketAddr, dns: &str, sending: &str, mx: &str) -> Config {
        let hello = if mx.contains("hello") { "" } else { "hello = \"out.shop.example\"\n" };
        let private = if mx.contains("private_addresses") { "" } else { "private_addresses = true\n" };
        let lines = format!("{sending}\n[sending.mx]\nport = {}\n{private}{hello}{mx}\n", self.port);
        Config::new().sending(&lines).more(&format!("[dns]\nservers = [\"{server}\"]\n{dns}\n"))
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}
