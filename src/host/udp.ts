/** Datagrams in batches: one at a time from Node's own sockets, more when a native reader hands them over. */
import type { Server } from 'node:net'

export type Datagram = {
  readonly payload: Uint8Array
  /** The sender's address in dotted text, and its port. */
  readonly address: string
  readonly port: number
}

/** A bound UDP socket. What arrives goes to one handler; a lost socket is reported once. */
export type UdpPort = {
  /** The bound address and port (the real port where 0 was asked for). */
  readonly local: { readonly address: string; readonly port: number }
  /** Replaces the handler. Payloads are only valid until it returns. */
  receive(handler: (batch: readonly Datagram[]) => void): void
  /**
   * Sends without waiting; the octets are copied before it returns. A failed send is reported to
   * `failed` (unreachable host, no route) and is never an exception. Asking for that report costs as much
   * processor time as an eighth of a DNS answer, so where failures mend themselves nobody should.
   */
  send(payload: Uint8Array, address: string, port: number, failed?: (error: Error) => void): void
  /** Resolves when the socket is closed; closing twice is fine. */
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
  /** Called when a bound socket fails for good; the process should end. */
  readonly onLost?: (error: Error) => void
}

/** How services get sockets: the machine's in `serve`, a network in memory in tests. */
export type Sockets = {
  /** Whether systemd passed descriptors under this FileDescriptorName (sd_listen_fds(3)). */
  isAdopted(name: string): boolean
  /**
   * The sockets that systemd passed under `name`, one per interface, or one bound as `options` say.
   *
   * @throws {CannotListen} with a sentence for the operator
   */
  udp(name: string, options: UdpOptions): Promise<readonly UdpPort[]>
  /** A socket that is always bound and never adopted: a transfer's own port, a resolver's source port. */
  bindUdp(options: UdpOptions): Promise<UdpPort>
  /**
   * Lets `server` listen on the stream socket that systemd passed under `name`, or on an address and port;
   * resolves when it does. A name that carries datagram sockets too (`dns`) is asked for by `udp` first.
   *
   * @throws {CannotListen} also when several stream sockets were passed: a server listens on one
   */
  tcp(
    name: string,
    server: Server,
    options: { readonly address: string; readonly port: number },
  ): Promise<void>
}
