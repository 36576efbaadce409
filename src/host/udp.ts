/** Sockets as services see them, and the common shape of the services. */
import type { Server } from 'node:net'
import type { Libc, NoLibc } from './lane/libc.ts'
import type { LaneSocket } from './lane/socket.ts'

export type Datagram = {
  readonly payload: Uint8Array
  /** The sender's address in dotted text, and its port. */
  readonly address: string
  readonly port: number
}

/** A bound UDP socket. One handler gets the received datagrams; the loss of the socket is reported once. */
export type UdpPort = {
  /** The bound address and port (the port that the system chose when 0 was requested). */
  readonly local: { readonly address: string; readonly port: number }
  /** Replaces the handler. Payloads are only valid until it returns. */
  receive(handler: (batch: readonly Datagram[]) => void): void
  /**
   * Sends without waiting; the payload is copied before it returns. A failure (host unreachable, no route) goes to
   * `failed` and is never thrown. The callback costs an eighth of the processor time of a DNS answer, so pass it only
   * where a failure needs a reaction.
   */
  send(payload: Uint8Array, address: string, port: number, failed?: (error: Error) => void): void
  /**
   * Limits the socket to one peer. Linux then reports when no process uses the port of the peer (ICMP port unreachable,
   * udp(7)). Absent if several peers share the socket.
   *
   * @param refused called for each report
   */
  connect?(address: string, port: number, refused: () => void): void
  /**
   * Joins an IPv6 multicast group on an interface; a group that is already joined stays joined. Absent for sockets of
   * memory networks.
   *
   * @throws {NodeJS.ErrnoException} the system's error
   */
  join?(group: string, interfaceName: string): void
  /** Resolves when the socket is closed; a second call is harmless. */
  close(): Promise<void>
}

export type UdpOptions = {
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Share the port with other sockets of this process (`SO_REUSEADDR`). */
  readonly reuseAddress?: boolean
  /** Allow sending to broadcast addresses (`SO_BROADCAST`). */
  readonly broadcast?: boolean
  /** Called when a bound socket fails permanently; the process should end. */
  readonly onLost?: (error: Error) => void
}

export type LaneSockets = { readonly libc: Libc; readonly sockets: readonly LaneSocket[] }

/** Opens sockets: of this machine in `serve`, of an in-memory network in tests. */
export type Sockets = {
  /** Whether systemd passed descriptors under this FileDescriptorName (sd_listen_fds(3)). */
  isAdopted(name: string): boolean
  /**
   * Returns the sockets that systemd passed under `name`, one per interface, or one socket bound with `options`.
   *
   * @throws {CannotListen} with a message for the administrator
   */
  udp(name: string, options: UdpOptions): Promise<readonly UdpPort[]>
  /**
   * Opens the sockets that `udp` opens for a lane, which receives from them in its own thread. Networks without
   * descriptors have no lanes.
   *
   * @returns why lanes are not available; then use `udp`
   * @throws {CannotListen} with a message for the administrator
   */
  lane?(name: string, options: UdpOptions): Promise<LaneSockets | NoLibc>
  /** Binds a socket and never uses one from systemd: for a transfer's port or a resolver's source port. */
  bindUdp(options: UdpOptions): Promise<UdpPort>
  /**
   * Makes `server` listen on the stream socket that systemd passed under `name`, or on an address and port.
   * For a name that also has datagram sockets (`dns`), call `udp` first.
   *
   * @throws {CannotListen} also when systemd passed several stream sockets: a server listens on one
   */
  tcp(
    name: string,
    server: Server,
    options: {
      readonly address: string
      readonly port: number
      /**
       * How many connections may wait to be accepted. All of them are accepted in one turn of the event loop; further
       * clients send their SYN again after a second. It also replaces the value of a socket from systemd.
       */
      readonly backlog?: number
    },
  ): Promise<void>
}

/** A protocol service, which the app starts and stops. */
export type Service = {
  /** `dhcp`, `tftp`, `http`, `dns` */
  readonly name: string
  /** The sockets it listens on, for the log: `udp 172.16.0.101:67`. */
  readonly listening: readonly string[]
  /** Accepts no new requests, gives those in progress `graceMs` to end, and closes the sockets. Never rejects. */
  close(graceMs: number): Promise<void>
}
