/** Reads zones in the master file format (RFC 1035 §5), as BIND uses them. */
import { parseIp } from '../proto/address/ip.ts'
import { ImportProblem, noFacts, plainName, type At, type Facts } from './facts.ts'

type Entry = At & { readonly name: string; readonly type: string; readonly data: readonly string[] }

export function readZone(text: string, file: string): Facts {
  const facts = noFacts()
  const entries = readEntries(text, file)
  const apex = entries.find(({ type }) => type === 'SOA')?.name
  // Reverse names follow from the names.
  if (apex?.endsWith('.arpa') === true) return facts
  if (apex !== undefined) facts.zones.push(apex)
  for (const entry of entries) readEntry(entry, apex, facts)
  return facts
}

function readEntry({ name, type, data, file, line }: Entry, apex: string | undefined, facts: Facts): void {
  const [first = '', ...rest] = data
  const at = { file, line }
  const add = (record: Omit<Facts['records'][number], 'name' | keyof At>) =>
    facts.records.push({ ...at, name, ...record })
  switch (type) {
    case 'A':
    case 'AAAA':
      facts.names.push({ ...at, name, address: first })
      return
    case 'CNAME':
      add({ cname: first })
      return
    case 'TXT':
      add({ txt: [data.join('')] })
      return
    case 'MX':
      add({ mx: [{ target: rest[0] ?? '', preference: Number(first) }] })
      return
    case 'SRV': {
      const [weight, port] = rest.map(Number)
      add({ srv: [{ target: rest[2] ?? '', port, priority: Number(first), weight }] })
      return
    }
    case 'CAA':
      add({ caa: [{ tag: rest[0] ?? '', value: rest[1] ?? '', critical: Number(first) >= 128 }] })
      return
    case 'NS':
      if (name !== apex) add({ ns: [first] })
      return
    case 'SOA':
    case 'PTR':
      return
    default:
      facts.notes.push({
        ...at,
        text: `${name} ${type}: records of this type have no counterpart in a site file`,
      })
  }
}

/** Types whose data ends with a name. */
const nameTypes = new Set(['CNAME', 'NS', 'MX', 'SRV', 'PTR'])

function readEntries(text: string, file: string): Entry[] {
  const entries: Entry[] = []
  let origin = originOf(file)
  let owner: string | undefined
  for (const { words, line, isIndented } of recordsOf(text, file)) {
    const [first = '', second = ''] = words
    if (first === '$ORIGIN') {
      origin = absolute(second, origin)
      continue
    }
    if (first.startsWith('$')) continue
    if (!isIndented) owner = absolute(first, origin)
    if (owner === undefined) throw new ImportProblem({ file, line }, 'a record without a name')
    const rest = isIndented ? words : words.slice(1)
    const start = rest.findIndex((word) => !/^(?:\d+[smhdw]?|IN)$/i.test(word))
    const type = rest[start]?.toUpperCase()
    if (type === undefined) throw new ImportProblem({ file, line }, `${owner} has no record type`)
    const from = origin
    const data = rest.slice(start + 1)
    const named = data.map((word, index) =>
      nameTypes.has(type) && index === data.length - 1
        ? absolute(word, from)
        : word.replace(/^"(.*)"$/s, '$1'),
    )
    checkAddress({ file, line }, type, named[0] ?? '')
    entries.push({ file, line, name: owner, type, data: named })
  }
  return entries
}

function checkAddress(at: At, type: string, address: string): void {
  if ((type === 'A' || type === 'AAAA') && parseIp(address) === undefined) {
    throw new ImportProblem(at, `${type} record with ${address}, which is not an address`)
  }
}

/** Files have the names of their zones by convention: `db.example.com`, `example.com.zone`, `zonefile.example.com`. */
function originOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return plainName(name.replace(/^(?:db|zonefile|named)\.|\.(?:zone|db|hosts|txt)$/g, ''))
}

function absolute(name: string, origin: string): string {
  if (name === '@') return origin
  return name.endsWith('.') || origin === '' ? plainName(name) : plainName(`${name}.${origin}`)
}

type Line = { readonly words: readonly string[]; readonly line: number; readonly isIndented: boolean }

/** Joins the lines between parentheses and removes comments. */
function recordsOf(text: string, file: string): Line[] {
  const records: Line[] = []
  let open: { words: string[]; line: number; isIndented: boolean } | undefined
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const tokens = [...line.matchAll(/;.*|"(?:[^"\\]|\\.)*"|[()]|[^\s;()"]+/g)].map(([token]) => token)
    const current = open ?? { words: [], line: index + 1, isIndented: /^\s/.test(line) }
    for (const token of tokens.filter((each) => !each.startsWith(';'))) {
      if (token === '(') open = current
      else if (token === ')') open = undefined
      else current.words.push(token)
    }
    if (open === undefined && current.words.length > 0) records.push(current)
  }
  if (open !== undefined) throw new ImportProblem({ file, line: open.line }, 'this ( is never closed')
  return records
}
