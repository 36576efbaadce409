import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import type { Owner } from '../../../src/plan/dns/plan.ts'
import { formatName } from '../../../src/proto/dns/name.ts'
import { RecordType } from '../../../src/proto/dns/registry.ts'
import { hex } from '../../support/hex.ts'
import { guideModel, type guideSite, zones } from './guide.ts'

/** All owners of the guide's site, changed, by their name. */
function ownersOf(change?: (site: ReturnType<typeof guideSite>) => void): Map<string, Owner> {
  const table = compileDns(guideModel(change)).plan?.names ?? new Map<number, Owner[]>()
  return new Map([...table.values()].flat().map((owner) => [formatName(owner.name, 0), owner]))
}

const first = (owner: Owner | undefined, type: keyof typeof RecordType) =>
  owner?.responses.get(RecordType[type])?.[0]

t.test('a positive answer is the RRset, its owner a pointer to the question (RFC 1035 §4.1.4)', (t) => {
  const response = first(ownersOf().get('m1.ocp45.example.localdomain'), 'A')
  t.same(response, {
    rcode: 0,
    isAuthoritative: true,
    answers: 1,
    authority: 0,
    additional: 0,
    octets: hex('c00c 0001 0001 00000e10 0004 ac100015'),
    requiredOctets: 16,
    answerEnds: [16],
    pointers: [],
    nameOctets: 30,
  })
  t.end()
})

t.test('NS answers have optional addresses of the servers (RFC 2181 §9)', (t) => {
  const response = first(ownersOf().get('example.localdomain'), 'NS')
  t.match(response, { answers: 1, additional: 1, requiredOctets: 18 })
  t.equal(response?.octets.length, 18 + 16)
  t.same(response?.octets.subarray(18), hex('c031 0001 0001 00000e10 0004 ac100066'))
  t.end()
})

t.test("a wildcard's owner stays with the question, however long that is (RFC 4592 §3.3.1)", (t) => {
  const response = first(ownersOf().get('*.apps.ocp45.example.localdomain'), 'A')
  t.same(response?.pointers, [])
  t.same(response?.octets.subarray(0, 2), hex('c00c'))
  t.end()
})

t.test('a negative answer is compiled once for the zone; its pointers move with the question', (t) => {
  const owner = ownersOf().get('m1.ocp45.example.localdomain')
  t.match(owner?.nodata, { rcode: 0, answers: 0, authority: 1, nameOctets: 21, pointers: [0, 16, 23] })
  t.match(owner?.nxdomain, { rcode: 3, authority: 1 })
  t.same(owner?.nodata.octets.subarray(0, 2), hex('c00c'), 'the zone, where its own question has it')
  t.end()
})

t.test('the TTL of a negative answer is the lesser of TTL and minimum (RFC 2308 §5)', (t) => {
  const ttl = (ttlSeconds: number) => {
    const owner = ownersOf((site) => (site.dns = { zones, ttlSeconds })).get('example.localdomain')
    return [owner?.nxdomain.octets.slice(6, 10), first(owner, 'SOA')?.octets.slice(6, 10)]
  }
  t.same(ttl(60), [hex('0000003c'), hex('0000003c')])
  t.same(ttl(7200), [hex('00000e10'), hex('00001c20')], 'the SOA itself for longer')
  t.end()
})

t.test('several addresses are prepared in up to eight orders', (t) => {
  const addresses = (count: number) => Array.from({ length: count }, (_, index) => `172.16.0.${150 + index}`)
  const orders = (count: number) =>
    ownersOf((site) => (site.hosts = [{ name: 'many.example.localdomain', address: addresses(count) }]))
      .get('many.example.localdomain')
      ?.responses.get(RecordType.A)
  t.same(
    orders(3)?.map(({ octets }) => [octets[15], octets[31], octets[47]]),
    [
      [150, 151, 152],
      [151, 152, 150],
      [152, 150, 151],
    ],
  )
  t.equal(orders(12)?.length, 8)
  t.equal(orders(12)?.[0]?.answers, 12)
  t.end()
})

t.test('ANY is answered with one RRset (RFC 8482 §4.1)', (t) => {
  const owners = ownersOf()
  const any = (name: string) => owners.get(name)?.responses.get(RecordType.ANY)
  t.equal(any('example.localdomain')?.[0], first(owners.get('example.localdomain'), 'SOA'))
  t.equal(any('m1.ocp45.example.localdomain')?.[0], first(owners.get('m1.ocp45.example.localdomain'), 'A'))
  t.end()
})

t.test('empty non-terminals exist and own no records (RFC 4592 §2.2.2)', (t) => {
  const owners = ownersOf()
  t.same([...(owners.get('apps.ocp45.example.localdomain')?.responses.keys() ?? ['absent'])], [])
  t.same([...(owners.get('ocp45.example.localdomain')?.responses.keys() ?? ['absent'])], [])
  t.equal(owners.get('localdomain'), undefined, 'nothing above the apex')
  t.equal(
    owners.get('apps.ocp45.example.localdomain')?.wildcard,
    owners.get('*.apps.ocp45.example.localdomain'),
  )
  t.equal(owners.get('ocp45.example.localdomain')?.wildcard, undefined)
  t.end()
})

t.test('a child zone answers for its apex, and names in between exist (RFC 1034 §4.2.1)', (t) => {
  const owners = ownersOf((site) => {
    const [cluster] = site.clusters
    site.dns['zones'] = [...zones, 'lab.deep.example.localdomain']
    if (cluster !== undefined)
      site.clusters.push({ ...cluster, name: 'c2', domain: 'lab.deep.example.localdomain' })
  })
  t.equal(owners.get('deep.example.localdomain')?.responses.size, 0)
  t.match(first(owners.get('lab.deep.example.localdomain'), 'SOA'), { answers: 1 })
  t.equal(owners.get('lab.deep.example.localdomain')?.nodata.nameOctets, 30, 'with its own SOA')
  t.end()
})
