import t from 'tap'
import {
  findEncloser,
  findOwner,
  findResolvers,
  type ForwardZone,
  type Owner,
  type Response,
} from '../../../src/plan/dns/plan.ts'
import { encodeName, formatName, hashName } from '../../../src/proto/dns/name.ts'
import { createQuestion, readQuestion } from '../../../src/proto/dns/question.ts'
import { encodeQuery } from '../../../src/proto/dns/message.ts'

const nothing: Response = {
  rcode: 0,
  isAuthoritative: true,
  answers: 0,
  authority: 0,
  additional: 0,
  octets: new Uint8Array(),
  requiredOctets: 0,
  answerEnds: [],
  pointers: [],
  nameOctets: 1,
}
const owner = (name: string): Owner => ({
  name: encodeName(name),
  responses: new Map(),
  nodata: nothing,
  nxdomain: nothing,
  wildcard: undefined,
  referral: undefined,
})
const table = (...names: string[]) =>
  new Map(names.map((name) => [hashName(encodeName(name)), [owner(name)]]))

function ask(name: string) {
  const octets = encodeQuery({ id: 1, name, type: 'A' })
  const question = createQuestion()
  readQuestion(octets, question)
  return { octets, question }
}

t.test('an owner is found in any spelling, from any label', (t) => {
  const names = table('m1.example.net', 'example.net')
  const { octets, question } = ask('M1.eXample.NET')
  t.equal(findOwner(names, octets, question, 0), names.get(hashName(encodeName('m1.example.net')))?.[0])
  t.equal(findOwner(names, octets, question, 1), names.get(hashName(encodeName('example.net')))?.[0])
  t.equal(findOwner(names, octets, question, 2), undefined)
  t.end()
})

t.test('the closest encloser is the longest existing ancestor (RFC 4592 §3.3.1)', (t) => {
  const cases = [
    { name: 'a.b.example.net', encloser: 'b.example.net' },
    { name: 'a.c.example.net', encloser: 'example.net' },
    { name: 'b.example.net', encloser: 'example.net' },
    { name: 'example.org', encloser: undefined },
    { name: 'net', encloser: undefined },
    { name: '', encloser: undefined },
  ]
  const names = table('example.net', 'b.example.net')
  for (const { name, encloser } of cases) {
    const { octets, question } = ask(name)
    const found = findEncloser(names, octets, question)
    t.equal(found && formatName(found.name, 0), encloser, name)
  }
  t.end()
})

t.test('names with the same hash are distinguished', (t) => {
  // The first two of n0.example.net, n1.example.net, … to collide.
  const [one, two] = ['n15455.example.net', 'n136306.example.net'] as const
  t.equal(hashName(encodeName(one)), hashName(encodeName(two)))
  const { octets, question } = ask(two)
  const hash = hashName(encodeName(two))
  t.equal(
    formatName(findOwner(new Map([[hash, [owner(one), owner(two)]]]), octets, question, 0)!.name, 0),
    two,
  )
  t.equal(findOwner(new Map([[hash, [owner(one)]]]), octets, question, 0), undefined)
  t.end()
})

t.test('the longest matching zone selects the resolvers', (t) => {
  const zone = (name: string): ForwardZone => ({
    zone: name,
    name: encodeName(name),
    labels: name.split('.').length,
    resolvers: [{ address: name, port: 53 }],
  })
  const plan = {
    resolvers: [{ address: 'usual', port: 53 }],
    forwardZones: [zone('lab.corp.example'), zone('corp.example')],
  }
  const cases = {
    'corp.example': 'corp.example',
    'a.b.CORP.example': 'corp.example',
    'x.lab.corp.example': 'lab.corp.example',
    'lab.corp.example': 'lab.corp.example',
    'xlab.corp.example': 'corp.example',
    'notcorp.example': 'usual',
    example: 'usual',
    'corp.example.net': 'usual',
  }
  for (const [name, address] of Object.entries(cases)) {
    const { octets, question } = ask(name)
    t.same(findResolvers(plan, octets, question), [{ address, port: 53 }], name)
  }
  t.end()
})
