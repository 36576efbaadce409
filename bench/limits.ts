/** What limits slipway in each work, from profiles: docs/decisions/0027-performance.md has their figures. Printed for missed goals. */

/** By the start of the title of a work. */
const limits: readonly (readonly [work: string, limit: string])[] = [
  [
    'DNS,',
    'four fifths of an answer are `sendmmsg` and `recvmmsg` in the kernel, as for Knot; of the rest, 1.6 µs, V8 and koffi take half',
  ],
  [
    'DHCP,',
    'nine tenths of the time are the lane, half of that is in the kernel, and no function has more than 3 %',
  ],
  [
    'DHCPv6,',
    "three fifths of the time are the lane, and a third of that are system calls; a sixth is the main thread, which logs and stores messages that are not repeated, and the rest are V8's own threads",
  ],
  [
    'TFTP, 60',
    'without windows, each block is a system call for one datagram in each direction, which is 69 % of its time; atftpd makes the same calls',
  ],
  [
    'Images,',
    '91 % of the time is `sendfile`, and 99 % for nginx, for the same pages; where TCP uses BBR, two thirds are the timers that it sets for each 64 KiB',
  ],
  [
    'Boot scripts,',
    "two thirds of the time are Node's HTTP server and fastify, spread over many functions of at most 1.5 % each",
  ],
  [
    'Rack,',
    'garbage collection is a tenth of the busy time of the main thread, 7 % are writes to sockets, and 8 % open and examine the files of images',
  ],
  [
    'Latency',
    'the 200 nodes send 400 DHCP messages at once, and 400 more as iPXE: the lane needs 8 ms for 64 of them, of which it gets the processor for a sixth of the time, because it shares its core with the main thread, the images, and the threads in which V8 compiles and collects garbage; in some rounds its own heap is collected then, which takes 30 ms',
  ],
  [
    'Start,',
    "most of it is the processor time of the start; the table also shows how long the main thread waited for its core, which V8's own threads and other programs use",
  ],
  [
    'Reload',
    'each reload creates the plan again, and compiles it in short steps between answers; for a quarter of the reload, the main thread waits for its core, which the lanes and the threads of V8 use',
  ],
  [
    'Idle,',
    'of the resident memory, 52 MiB are the program file of Node, and 57 MiB the heaps of the main thread and two lanes',
  ],
  [
    'Scaling',
    "of 20,000 names, those that were asked most recently are in the processor's cache: if only 1,000 of them are asked, a lookup takes a third to a half of the time",
  ],
]

/** Returns what limits slipway in a work; nothing if there is no profile of it. */
export function limitOf(title: string): string | undefined {
  return limits.find(([work]) => title.startsWith(work))?.[1]
}
