/**
 * Reads the subset of XML that libvirt writes: elements, attributes, text, and comments. Document types, CDATA, and entities
 * other than the five predefined ones are refused, so no entity is ever expanded.
 */
import { ImportProblem } from './facts.ts'

export type Element = {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: Element[]
  text: string
  readonly line: number
}

const maxDepth = 64

/** @throws {ImportProblem} if the text is not in the subset */
export function readXml(text: string, file: string): Element[] {
  const declaration = text.search(/<!(?!--)/)
  if (declaration !== -1) {
    const line = text.slice(0, declaration).split('\n').length
    throw new ImportProblem({ file, line }, 'document types and CDATA sections are not supported')
  }
  const root: Element = { name: '', attributes: new Map(), children: [], text: '', line: 1 }
  const open = [root]
  let line = 1
  const tokens = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<\/?[^<>]*>|[^<]+|</g
  for (const [token] of text.replace(/^\ufeff/, '').matchAll(tokens)) {
    const current = open.at(-1) as Element
    const fail = (message: string) => new ImportProblem({ file, line }, message)
    if (!token.startsWith('<')) current.text += decoded(token, fail)
    else if (!token.startsWith('<!--') && !token.startsWith('<?')) {
      const [, end, name = '', rest = '', single] =
        /^<(\/?)([A-Za-z_][\w.:-]*)(\s[^]*?)?(\/?)>$/.exec(token) ?? []
      if (name === '') throw fail(`${token.slice(0, 20)} is not an element that libvirt writes`)
      if (end === '/') {
        if (current.name !== name) throw fail(`</${name}> closes <${current.name}>`)
        open.pop()
      } else {
        const element = { name, attributes: attributesOf(rest, fail), children: [], text: '', line }
        current.children.push(element)
        if (single !== '/') open.push(element)
        if (open.length > maxDepth) throw fail('too many levels of elements')
      }
    }
    line += token.split('\n').length - 1
  }
  const unclosed = open.at(-1) as Element
  if (open.length > 1)
    throw new ImportProblem({ file, line: unclosed.line }, `<${unclosed.name}> is never closed`)
  return root.children
}

type Fail = (message: string) => ImportProblem

function attributesOf(text: string, fail: Fail): Map<string, string> {
  const attributes = new Map<string, string>()
  const rest = text.replace(
    /\s+([\w.:-]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/g,
    (_, name: string, one?: string, two?: string) => {
      attributes.set(name, decoded(one ?? two ?? '', fail))
      return ''
    },
  )
  if (rest.trim() !== '') throw fail(`${rest.trim().slice(0, 20)} is not an attribute`)
  return attributes
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decoded(text: string, fail: Fail): string {
  return text.replace(/&([^;\s]*);?/g, (_, name: string) => {
    const character = entities[name]
    if (character === undefined) throw fail(`the entity &${name.slice(0, 20)}; is not supported`)
    return character
  })
}
