/** Whole site files and the problems they have: a folder is a case, `UPDATE=1` writes what is expected anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parse, parseDocument } from 'yaml'
import { siteCodes } from '../../src/site/codes.ts'
import { loadSite, type Loaded } from '../../src/site/load.ts'
import { formatPath, formatProblem, type Path } from '../../src/site/problem.ts'

const cases = new URL('../fixtures/sites/', import.meta.url)
const example = readFileSync(new URL('../../config/site.example.yaml', import.meta.url), 'utf8')

/** Its problems as lines; none for a site. */
function linesOf(loaded: Loaded): string {
  return loaded.kind === 'site'
    ? ''
    : loaded.problems.map((problem) => `${formatProblem(problem)}\n`).join('')
}

for (const name of readdirSync(cases)) {
  const folder = new URL(`${name}/`, cases)
  if (!readdirSync(folder).includes('expected.problems') && process.env['UPDATE'] === undefined) continue
  t.test(`problems of ${name}`, (t) => {
    const text = readFileSync(new URL('site.yaml', folder), 'utf8')
    const lines = linesOf(loadSite(text, 'site.yaml'))
    const expected = new URL('expected.problems', folder)
    if (process.env['UPDATE'] !== undefined) writeFileSync(expected, lines)
    t.equal(lines, readFileSync(expected, 'utf8'))
    t.end()
  })
}

t.test('relative paths start at the directory of the site file', (t) => {
  const text = readFileSync(new URL('fine-external-services/site.yaml', cases), 'utf8')
  const loaded = loadSite(text, '/etc/slipway/site.yaml')
  if (loaded.kind !== 'site') throw new Error('the site has problems')
  const { images, clusters, tftp, haproxy } = loaded.site
  t.equal(images['rhcos']?.dir, '/etc/slipway/images/rhcos')
  t.equal(clusters[0]?.ignition, '/etc/slipway/ignition/ocp')
  t.same(tftp, {
    singlePort: false,
    root: '/etc/slipway/tftp',
    loaders: {
      bios: '/etc/slipway/loaders/undionly.kpxe',
      x64: '/opt/ipxe/shim.efi',
      arm64: '/etc/arm/ipxe.efi',
    },
  })
  t.same(haproxy, {
    file: '/etc/slipway/conf.d/slipway.cfg',
    with: ['/etc/haproxy/haproxy.cfg', '/etc/slipway/conf.d'],
    masterSocket: '/etc/slipway/master.sock',
    socket: '/run/haproxy/admin.sock',
  })
  t.end()
})

t.test('a cluster of agents has no directory of Ignition files, not even by default', (t) => {
  const text = readFileSync(new URL('fine-external-services/site.yaml', cases), 'utf8')
  const loaded = loadSite(text.replace(/^ +ignition: .*\n/m, ''), '/etc/slipway/site.yaml')
  t.equal(loaded.kind === 'site' && loaded.site.clusters[0]?.ignition, undefined)
  t.end()
})

t.test('a byte order mark and carriage returns change nothing, not even columns', (t) => {
  const text = 'site: lab_\nserver: {}\n'
  const places = (loaded: Loaded) =>
    loaded.kind === 'site' ? [] : loaded.problems.map(({ line, column }) => `${line}:${column}`)
  const plain = places(loadSite(text, 'site.yaml'))
  t.same(places(loadSite(`\ufeff${text}`, 'site.yaml')), plain)
  t.same(places(loadSite(text.replaceAll('\n', '\r\n'), 'site.yaml')), plain)
  t.end()
})

t.test('problems are in the order of the file, whatever check found them', (t) => {
  for (const name of readdirSync(cases)) {
    const loaded = loadSite(readFileSync(new URL(`${name}/site.yaml`, cases), 'utf8'), 'site.yaml')
    if (loaded.kind === 'site') continue
    const places = loaded.problems.map(({ line, column }) => line * 1000 + column)
    t.same(
      places,
      places.toSorted((a, b) => a - b),
      name,
    )
  }
  t.end()
})

/** A site, or at least one problem with a place in the text. */
function assertAnswer(text: string): Loaded {
  const loaded = loadSite(text, '/site.yaml')
  if (loaded.kind === 'site') return loaded
  if (loaded.problems.length === 0) throw new Error('neither a site nor a problem')
  const lines = text.split(/\n|\r\n/).length
  for (const { line, column, message } of loaded.problems) {
    if (line < 1 || line > lines || column < 1) throw new Error(`no such place: ${line}:${column}`)
    if (message.includes('undefined') || message === '') throw new Error(`no message for people: ${message}`)
  }
  return loaded
}

t.test('any text is a site, or has a problem at a position in the text', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => void assertAnswer(text)),
    { numRuns: 200 },
  )
  const yamlish = fc.array(
    fc.constantFrom(
      ...'site:,server:,subnets:,clusters:,nodes:,<<:,- ,{,},[,],\n,  ,\t,&a ,*a ,!!str ,",\',|,>,x,1,~,#'.split(
        ',',
      ),
    ),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(yamlish, (parts) => void assertAnswer(parts.join(''))),
    { numRuns: 300 },
  )
  t.end()
})

t.test('the example with any character changed, removed, or doubled is a site, or has a problem', (t) => {
  const change = fc.record({
    at: fc.nat(example.length - 1),
    length: fc.nat(12),
    put: fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom(':', '\n', '- ', '"', '{', ']', '\t', '172.16.0.21', 'm1'),
    ),
  })
  const mutated = ({ at, length, put }: { at: number; length: number; put: string }) =>
    example.slice(0, at) + put + example.slice(at + length)
  fc.assert(
    fc.property(change, (each) => void assertAnswer(mutated(each))),
    { numRuns: 300 },
  )
  t.end()
})

/** Paths of all scalars below a value. */
function leaves(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([key, each]) =>
    leaves(each, [...path, Array.isArray(value) ? Number(key) : key]),
  )
}

t.test('an invalid value in the example causes no problem anywhere else', (t) => {
  const paths = leaves(parse(example))
  const broken = fc.constantFrom<unknown>({ broken: true }, null, -1.5, '')
  fc.assert(
    fc.property(fc.constantFrom(...paths), broken, (path, value) => {
      const document = parseDocument(example)
      document.setIn(path, value)
      const loaded = assertAnswer(document.toString())
      if (loaded.kind === 'site') throw new Error(`${formatPath(path)} may be ${JSON.stringify(value)}`)
      const elsewhere = loaded.problems.filter((each) => !each.path.startsWith(formatPath(path)))
      if (elsewhere.length > 0) throw new Error(elsewhere.map(formatProblem).join('\n'))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test(
  'relative paths of files that are copied to nodes start at the directory of the site file too',
  (t) => {
    const text = readFileSync(new URL('fine-added-files/site.yaml', cases), 'utf8')
    const loaded = loadSite(text, '/etc/slipway/site.yaml')
    if (loaded.kind !== 'site') throw new Error('the site has problems')
    const [cluster] = loaded.site.clusters
    const [node] = cluster?.nodes ?? []
    t.match(cluster?.files, [
      { path: '/etc/chrony.conf', mode: 0o644, contents: 'server 192.0.2.2 iburst\n' },
      { path: '/usr/local/bin/hook', mode: 0o755, from: '/etc/slipway/files/hook' },
    ])
    t.match(node?.files, [{ path: '/etc/chrony.conf', mode: 0o644, from: '/srv/chrony.conf' }])
    t.same(node?.networkKeyfiles, ['/etc/slipway/keyfiles/bond0.nmconnection', '/etc/slipway/keyfiles/vlan7'])
    t.end()
  },
)

t.test('every kind of problem has its code', (t) => {
  const found = new Set<string>()
  for (const name of readdirSync(cases)) {
    const loaded = loadSite(readFileSync(new URL(`${name}/site.yaml`, cases), 'utf8'), 'site.yaml')
    if (loaded.kind === 'problems') for (const { code } of loaded.problems) found.add(code)
  }
  const empty = loadSite('', 'site.yaml')
  if (empty.kind === 'problems') for (const { code } of empty.problems) found.add(code)
  // Reading the file and editing it are tested where they happen.
  const elsewhere = [
    'unreadable',
    'out-of-memory',
    'last-good-served',
    'last-good-not-written',
    'confirmation-pending',
    'rolled-back',
    'node-known',
    'node-unknown',
    'cluster-unclear',
    'edit-unsafe',
  ]
  const expected = Object.keys(siteCodes).filter((code) => !elsewhere.includes(code.replace('site.', '')))
  t.same(
    expected.filter((code) => !found.has(code)),
    [],
  )
  t.end()
})
