/** What the app starts, watches and stops: every protocol is one of these. */

export type Service = {
  /** `dhcp`, `tftp`, `http`, `dns` */
  readonly name: string
  /** What it listens on, for the log's first lines: `udp 172.16.0.101:67`. */
  readonly listening: readonly string[]
  /**
   * Stops taking new work, lets what is in flight end within `graceMs`, then closes the sockets.
   * Never rejects.
   */
  close(graceMs: number): Promise<void>
}
