/** The JSON Schema must refuse nothing that the site schema takes, and have a word for every key. */
import fc from 'fast-check'
import t from 'tap'
import { formatIpv4, type Ipv4 } from '../../src/proto/address/ip.ts'
import { schemaAt, siteJsonSchema, type JsonSchema } from '../../src/site/schema-violations.ts'
import {
  anyCidr,
  cidr,
  consoleDevice,
  diskPath,
  domain,
  ip,
  ipv4,
  kernelArgument,
  label,
  mac,
} from '../../src/site/scalars.ts'

const schema = siteJsonSchema()

t.test('the examples of a key come before those of its type', (t) => {
  const cases = [
    { path: ['subnets', 0, 'gateway'], examples: ['172.16.0.254'] },
    { path: ['clusters', 0, 'loadBalancer', 'api'], examples: ['172.16.0.111'] },
    { path: ['clusters', 0, 'loadBalancer', 'apiInternal'], examples: ['172.16.0.110'] },
    { path: ['clusters', 0, 'loadBalancer', 'ingress'], examples: ['172.16.0.111'] },
  ]
  for (const { path, examples } of cases) t.match(schemaAt(schema, path), { examples }, path.join('.'))
  t.end()
})

t.test('the description of a type does not hide that of its key in editors', (t) => {
  const types = ['api', 'apiInternal', 'ingress'].flatMap((key) => {
    const { description, anyOf = [] } = schemaAt(schema, ['clusters', 0, 'loadBalancer', key])
    t.match(description, /^addresses of /, key)
    return anyOf.flatMap((type) => (type.items === undefined ? [type] : [type, type.items]))
  })
  t.equal(types.length, 9)
  for (const type of types) t.equal(type.description, undefined)
  t.end()
})

t.test('every key has a description, for editors and for messages about what is missing', (t) => {
  const without: string[] = []
  function look(at: JsonSchema, path: string): void {
    for (const [key, value] of Object.entries(at.properties ?? {})) {
      if (value.description === undefined) without.push(`${path}.${key}`)
      look(value, `${path}.${key}`)
    }
    if (at.items !== undefined) look(at.items, `${path}.0`)
    if (typeof at.additionalProperties === 'object') look(at.additionalProperties, `${path}.*`)
  }
  look(schema, '')
  t.same(without, [])
  t.end()
})

t.test('a path in a site finds its part of the schema', (t) => {
  const cases: { path: (string | number)[]; description: string | undefined }[] = [
    { path: ['server', 'address'], description: 'address of this machine on the network of the nodes' },
    { path: ['subnets', 3, 'gateway'], description: 'default router of the nodes (DHCP option 3)' },
    {
      path: ['images', 'any', 'dir'],
      description:
        'directory with the kernel, the initramfs, and the rootfs or metal image, or with agent.* files',
    },
    { path: ['clusters', 0, 'loadBalancer', 'api', 1], description: undefined },
    { path: ['subnets', 0, 'routes', 1], description: 'route' },
    { path: ['server', 'nothing'], description: undefined },
    { path: ['server', 'nothing', 0], description: undefined },
    { path: ['site', 0], description: undefined },
  ]
  for (const { path, description } of cases)
    t.equal(schemaAt(schema, path).description, description, path.join('.'))
  t.end()
})

const anyOf = (characters: string) => fc.constantFrom(...characters.split(''))

/** Scalars, where a site has them, and texts near what they take. */
const hex = anyOf('0123456789abcdefABCDEF')
const octets = (count: number, between: string) =>
  fc
    .array(fc.tuple(hex, hex), { minLength: count, maxLength: count })
    .map((all) => all.map((each) => each.join('')).join(between))
const dotted = fc.nat(0xffffffff).map((value) => formatIpv4(value as Ipv4))
const word = fc.string({ unit: anyOf('aZ09-._'), maxLength: 20 })
const printable = fc.string({ unit: anyOf('az09/=,.-_${} '), maxLength: 12 })
const scalars = [
  { name: 'ipv4', scalar: ipv4, at: ['server', 'address'], texts: dotted },
  { name: 'ip', scalar: ip, at: ['dns', 'forward', 0], texts: fc.oneof(dotted, fc.ipV6()) },
  {
    name: 'cidr',
    scalar: cidr,
    at: ['subnets', 0, 'cidr'],
    texts: fc.tuple(dotted, fc.nat(33)).map((each) => each.join('/')),
  },
  {
    name: 'anyCidr',
    scalar: anyCidr,
    at: ['dns', 'clients', 0],
    texts: fc.tuple(fc.oneof(dotted, fc.ipV6()), fc.nat(130)).map((each) => each.join('/')),
  },
  {
    name: 'mac',
    scalar: mac,
    at: ['hosts', 0, 'mac'],
    texts: fc.oneof(
      octets(6, ':'),
      octets(6, '-'),
      octets(6, ''),
      octets(6, '').map((all) => all.replaceAll(/(.{4})(?=.)/g, '$1.')),
    ),
  },
  { name: 'label', scalar: label, at: ['site'], texts: word },
  { name: 'domain', scalar: domain, at: ['hosts', 0, 'name'], texts: word },
  {
    name: 'disk',
    scalar: diskPath,
    at: ['clusters', 0, 'disk'],
    texts: printable.map((each) => `/dev/${each}`),
  },
  {
    name: 'kernelArgument',
    scalar: kernelArgument,
    at: ['clusters', 0, 'kernelArguments', 0],
    texts: printable,
  },
  { name: 'console', scalar: consoleDevice, at: ['clusters', 0, 'console', 0], texts: printable },
]

for (const { name, scalar, at, texts } of scalars) {
  t.test(`an editor accepts each ${name} that loading accepts`, (t) => {
    const { pattern } = schemaAt(schema, at) as { pattern: string }
    let taken = 0
    fc.assert(
      fc.property(texts, (text) => {
        if (!scalar.safeParse(text).success) return
        taken++
        if (!new RegExp(pattern, 'u').test(text))
          throw new Error(`${text} is taken but does not match ${pattern}`)
      }),
      { numRuns: 300 },
    )
    t.equal(taken > 0, true, 'some texts were taken')
    t.end()
  })
}
