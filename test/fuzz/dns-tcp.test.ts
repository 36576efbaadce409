/** DNS over TCP: sends mutated messages and mutated framing to the service on a real socket (RFC 7766). */
import type { AddressInfo, Server } from 'node:net'
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { systemClock } from '../../src/host/clock.ts'
import { createSockets } from '../../src/host/sockets.ts'
import { createFrameReader, frame } from '../../src/proto/dns/message.ts'
import { walkMessage } from '../../src/proto/dns/walk.ts'
import { startDns } from '../../src/serve/dns/service.ts'
import { crowdedModel } from '../plan/dns/guide.ts'
import { encode, planOf } from '../serve/dns/ask.ts'
import { dnsPacket } from '../support/dns-packet.ts'
import { memorySockets } from '../support/memory-sockets.ts'
import { fuzz } from './campaign.ts'
import { watchFailures } from './failures.ts'
import { dnsMutators, queries } from './dns-inputs.ts'
import { replaced, type Mutator } from './mutate.ts'
import { exchange, exchangeAll } from './streams.ts'

const plan = { ...planOf(crowdedModel()), listen: { address: '127.0.0.1', port: 0 }, resolvers: [] }

/** Mutates the first message of a stream. */
const inside = dnsMutators.map(
  (mutate): Mutator =>
    (octets, random, others) =>
      Uint8Array.of(
        ...frame(mutate(octets.subarray(2), random, others)),
        ...frame(random.pick(others).subarray(2)),
      ),
)
const framing: readonly Mutator[] = [
  (octets, random) => replaced(octets, 0, 2, random.octets(2)),
  (octets, random) => replaced(octets, 0, 2, Uint8Array.of(0, random.below(16))),
  (octets) => Uint8Array.of(...octets, ...octets),
  (octets, random, others) => Uint8Array.of(...octets, ...random.pick(others)),
]

async function serve(inputs: readonly Uint8Array[]): Promise<void> {
  const real = createSockets({})
  let server: Server | undefined
  const counters = new Counters()
  const { failures, log, onLost } = watchFailures()
  const service = await startDns({
    plan: () => plan,
    sockets: {
      ...memorySockets(),
      tcp: (name, listener, where) => {
        server = listener
        return real.tcp(name, listener, where)
      },
    },
    log,
    counters,
    clock: systemClock,
    onLost,
  })
  const { port } = (server as Server).address() as AddressInfo
  try {
    await exchangeAll(inputs, 16, async (input) => {
      const reader = createFrameReader()
      for (const message of reader.push(await exchange(port, input))) walkMessage(message)
    })
    const last = await exchange(port, frame(encode({ name: 'api.ocp45.example.localdomain', id: 0xbeef })))
    const [reply] = createFrameReader().push(last)
    if (reply === undefined || dnsPacket.decode(reply).id !== 0xbeef)
      throw new Error('no response after these inputs')
  } finally {
    await service.close(1000)
  }
  if (failures.length > 0) throw new Error(failures[0])
  if (counters.get('dns.failures') > 0) throw new Error('a query failed')
}

fuzz(t, {
  protocol: 'dns-tcp',
  captures: queries.map(frame),
  mutators: [...inside, ...framing],
  maxOctets: 4000,
  shortRuns: 500,
  batch: 250,
  serve,
})
