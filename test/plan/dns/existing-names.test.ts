/** The existing names of zones: owners, the names above them, and zone cuts. */
import t from 'tap'
import { zoneContents } from '../../../src/plan/dns/existing-names.ts'
import { runSteps } from '../../../src/plan/steps.ts'
import type { ResourceRecord } from '../../../src/proto/dns/record.ts'

const record = (owner: string, data: ResourceRecord['data']): ResourceRecord => ({
  owner,
  ttlSeconds: 60,
  data,
})
const address = (owner: string) => record(owner, { type: 'AAAA', address: '2001:db8::1' as never })

t.test('a name exists if it owns records or is above a name that does', (t) => {
  const txt = record('a.b.example.net', { type: 'TXT', text: 'text' })
  const records = [
    record('example.net', { type: 'NS', target: 'ns1.example.net' }),
    address('a.b.example.net'),
    txt,
  ]
  const [content] = runSteps(zoneContents([{ name: 'example.net', records }]))
  t.same([...content!.names.keys()].sort(), ['a.b.example.net', 'b.example.net', 'example.net'])
  t.same([...content!.names.get('a.b.example.net')!.byType.keys()], ['AAAA', 'TXT'])
  t.same(content!.names.get('a.b.example.net')!.byType.get('TXT'), [txt])
  t.equal(content!.names.get('b.example.net')!.byType.size, 0)
  t.equal(content!.names.get('b.example.net')!.zone, content!.zone)
  t.end()
})

t.test('a name above records gets its own records later', (t) => {
  const records = [address('a.b.example.net'), address('b.example.net')]
  const [content] = runSteps(zoneContents([{ name: 'example.net', records }]))
  t.same([...content!.names.get('b.example.net')!.byType.values()], [[records[1]]])
  t.end()
})

t.test('names at and below a cut belong to another zone', (t) => {
  const servers = record('sub.example.net', { type: 'NS', target: 'ns1.sub.example.net' })
  const records = [address('example.net'), servers, address('ns1.sub.example.net')]
  const [content] = runSteps(zoneContents([{ name: 'example.net', records }]))
  t.same([...content!.names.keys()], ['example.net'])
  t.same([...content!.cuts], [['sub.example.net', [servers]]])
  const [, ours] = runSteps(
    zoneContents([
      { name: 'sub.example.net', records: [] },
      { name: 'example.net', records },
    ]),
  )
  t.equal(ours!.cuts.size, 0, 'a zone of this server is not delegated')
  t.end()
})
