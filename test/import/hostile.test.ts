/** Files that are not what they seem: each reader returns facts, or one error with the position, and never hangs. */
import fc from 'fast-check'
import t from 'tap'
import { draftSite } from '../../src/import/draft.ts'
import { ImportProblem } from '../../src/import/facts.ts'
import { joinFacts, kinds, type KindName } from '../../src/import/kinds.ts'
import { readXml } from '../../src/import/xml.ts'

const cases: readonly (readonly [kind: KindName, text: string, message: string])[] = [
  ['dhcpd', 'option domain-name "a;\n', 'f:1: this " is never closed'],
  ['dhcpd', '\nsubnet 192.0.2.0 netmask 255.255.255.0 {\n', 'f:2: this { is never closed'],
  ['dhcpd', 'authoritative;\n}\n', 'f:2: this } has no {'],
  ['dhcpd', 'authoritative\n', 'f:1: a semicolon is missing after authoritative'],
  ['dhcpd', 'a {'.repeat(40), 'f:1: too many levels of blocks'],
  ['zone', '  A 192.0.2.1\n', 'f:1: a record without a name'],
  ['zone', '@ IN\n', 'f:1: f has no record type'],
  ['zone', '\na A host\n', 'f:2: A record with host, which is not an address'],
  ['zone', '@ SOA a b ( 1\n', 'f:1: this ( is never closed'],
  [
    'libvirt',
    '<!DOCTYPE a [<!ENTITY b "c">]><network/>',
    'f:1: document types and CDATA sections are not supported',
  ],
  ['libvirt', '<network>\n<![CDATA[x]]></network>', 'f:2: document types and CDATA'],
  ['libvirt', '<network>&xxe;</network>', 'f:1: the entity &xxe; is not supported'],
  ['libvirt', '<network>&#65;</network>', 'f:1: the entity &#65; is not supported'],
  ['libvirt', '<network>\n</domain>', 'f:2: </domain> closes <network>'],
  ['libvirt', '<network>\n  <ip>\n', 'f:2: <ip> is never closed'],
  ['libvirt', '<network a=b/>', 'f:1: a=b is not an attribute'],
  ['libvirt', '<a>'.repeat(100), 'f:1: too many levels of elements'],
  ['libvirt', 'text < text', 'f:1: < is not an element'],
  ['installer', 'kind: List\n---\nitems: [a\n', 'f:3: this [ is never closed'],
  ['kea', '{ "Dhcp4": { "a": 1, "a": 2 } }', 'f:1: duplicate key, first on line 1'],
  ['helpernode', 'helper: {{ helper }}\n', 'f:1: this looks like a template'],
]

t.test('a file that cannot be read has one error with its position', (t) => {
  for (const [kind, text, message] of cases) {
    try {
      kinds[kind].read(text, 'f')
      t.fail(`${kind} reads ${text.slice(0, 40)}`)
    } catch (error) {
      t.ok(error instanceof ImportProblem, `${text.slice(0, 40)}: ${(error as Error).message}`)
      t.match((error as Error).message.slice(0, message.length), message)
    }
  }
  t.end()
})

t.test('any text gives facts and a site file, or an error of the import', (t) => {
  const words = fc.constantFrom(
    ...'helper: dns: baseDomain: kind: { } [ ] < > / " \' ; # ( ) = , \n \t & - 192.0.2.1 00:00:5e:00:53:01 a.b.c SOA A host subnet option dhcp-host= dhcp-range= address=/ server= bind *:6443 <network> <ip "Dhcp4":'.split(
      ' ',
    ),
  )
  const text = fc.array(fc.oneof(words, fc.string({ maxLength: 5 })), { maxLength: 40 })
  fc.assert(
    fc.property(
      fc.constantFrom(...(Object.keys(kinds) as KindName[])),
      text,
      fc.boolean(),
      (kind, parts, isSpaced) => {
        try {
          const facts = kinds[kind].read(parts.join(isSpaced ? ' ' : ''), 'f')
          draftSite(joinFacts([facts]), ['f'], 'site.yaml')
        } catch (error) {
          if (!(error instanceof ImportProblem)) throw error
        }
      },
    ),
    { numRuns: 60 },
  )
  t.end()
})

t.test('elements have their attributes, text, and lines', (t) => {
  const [first, second] = readXml(
    "<?xml version='1.0'?>\n<a b='1' c=\"&lt;\"><!-- x -->\n<d/>e &amp; f</a>\n<g />",
    'f',
  )
  t.match(first, { name: 'a', line: 2, text: '\ne & f', children: [{ name: 'd', line: 3 }] })
  t.equal(first?.attributes.get('c'), '<')
  t.match(second, { name: 'g', line: 4 })
  t.end()
})
