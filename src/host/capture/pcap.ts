/** Files of packet captures in the format that tcpdump and Wireshark read (pcap-savefile(5)). Pure. */
import type { CapturedFrame } from './recorder.ts'

const fileHeaderOctets = 24
const recordHeaderOctets = 16
const ethernetLinkType = 1
const maxFrameOctets = 65_535 + 14

export function pcapHeader(): Uint8Array {
  const header = new Uint8Array(fileHeaderOctets)
  const view = new DataView(header.buffer)
  view.setUint32(0, 0xa1b2c3d4, true)
  view.setUint16(4, 2, true)
  view.setUint16(6, 4, true)
  view.setUint32(16, maxFrameOctets, true)
  view.setUint32(20, ethernetLinkType, true)
  return header
}

/** A frame that was cut keeps its original length. */
export function pcapRecord({ at, frame, octets }: CapturedFrame): Uint8Array {
  const record = new Uint8Array(recordHeaderOctets + frame.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, Math.floor(at / 1000), true)
  view.setUint32(4, (at % 1000) * 1000, true)
  view.setUint32(8, frame.length, true)
  view.setUint32(12, octets, true)
  record.set(frame, recordHeaderOctets)
  return record
}
