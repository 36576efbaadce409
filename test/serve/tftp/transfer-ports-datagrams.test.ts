import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { handleSafely } from '../../../src/serve/tftp/transfer-ports.ts'

const cases = [
  { name: 'a packet that is handled', fault: undefined, counts: {}, lines: [] },
  {
    name: 'a malformed packet of the sender: one debug line',
    fault: new MalformedPacket('opcode 9', 0),
    counts: { 'tftp.malformed': 1 },
    lines: [
      {
        level: 'debug',
        client: '192.0.2.1:7',
        code: 'tftp.malformed',
        reason: 'opcode 9 at octet 0',
        octets: 2,
        msg: 'malformed packet',
      },
    ],
  },
  {
    name: 'any other error: a defect, with the packet that shows it',
    fault: new TypeError('oops'),
    counts: { 'tftp.unhandled': 1 },
    lines: [
      {
        level: 'error',
        client: '192.0.2.1:7',
        code: 'tftp.internal-error',
        err: { type: 'TypeError', message: 'oops' },
        packet: '0009',
        msg: 'packet handling failed',
      },
    ],
  },
]

for (const { name, fault, counts, lines } of cases) {
  t.test(name, (t) => {
    const counters = new Counters()
    const written: unknown[] = []
    const log = createLog('debug', { write: (line) => written.push(JSON.parse(line)) })
    const handle = () => {
      if (fault !== undefined) throw fault
    }
    handleSafely({ payload: Uint8Array.of(0, 9), address: '192.0.2.1', port: 7 }, handle, { log, counters })
    t.same(counters.snapshot(), counts)
    t.equal(written.length, lines.length)
    t.match(written, lines)
    t.end()
  })
}
