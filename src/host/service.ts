/** The common shape of all protocol services, which the app starts and stops. */

export type Service = {
  /** `dhcp`, `tftp`, `http`, `dns` */
  readonly name: string
  /** The sockets it listens on, for the log: `udp 172.16.0.101:67`. */
  readonly listening: readonly string[]
  /** Accepts no new requests, gives those in progress `graceMs` to end, and closes the sockets. Never rejects. */
  close(graceMs: number): Promise<void>
}
