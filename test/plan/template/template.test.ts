/** Templates: placeholders, braces, and the problems that `slipway check` shows. */
import fc from 'fast-check'
import t from 'tap'
import {
  escapeTemplate,
  parseTemplate,
  renderTemplate,
  templateProblems,
  unknownNames,
  type Template,
} from '../../../src/plan/template/template.ts'

const values = new Map([
  ['node.name', 'm1'],
  ['node.address', '192.0.2.11'],
])

function parsed(text: string): Template {
  const template = parseTemplate(text)
  if (template.kind === 'problem') throw new Error(`line ${template.line}: ${template.problem}`)
  return template
}

const rendered: readonly (readonly [text: string, expected: string])[] = [
  ['', ''],
  ['no placeholder', 'no placeholder'],
  ['{{node.name}}', 'm1'],
  ['{{ node.name }}', 'm1'],
  ['a{{\tnode.name }}b{{node.address}}c', 'am1b192.0.2.11c'],
  ['{{node.name}}{{node.name}}', 'm1m1'],
  ['one {\ntwo }', 'one {\ntwo }'],
  ['closing }} alone', 'closing }} alone'],
  ['{{node.name}}}}', 'm1}}'],
  ['${{{node.name}}}', '${m1}'],
  ['{{{{', '{{'],
  ['{{{{node.name}}', '{{node.name}}'],
  ['{{{{{', '{{{'],
  ['{{{{{{node.name}}', '{{m1'],
  ['{{{{{{{node.name}}', '{{{m1'],
  ['{{{{{{{{', '{{{{'],
  ['lines end\r\nas they do\r\n{{node.name}}\r\n', 'lines end\r\nas they do\r\nm1\r\n'],
]

for (const [text, expected] of rendered) {
  t.test(`renders ${JSON.stringify(text)}`, (t) => {
    t.equal(renderTemplate(parsed(text), values), expected)
    t.end()
  })
}

const problems: readonly (readonly [text: string, line: number, problem: RegExp])[] = [
  ['{{', 1, /expected a name after \{\{/],
  ['a\n{{}}', 2, /expected a name/],
  ['a\n\n{{ 1 }}', 3, /expected a name/],
  ['{{\nnode.name}}', 1, /expected a name/],
  ['{{#if node.disk}}', 1, /expected a name/],
  ['{{node.name', 1, /expected }} directly after \{\{node\.name/],
  ['{{node.name }', 1, /expected }} directly/],
  ['{{node.name | upper}}', 1, /expected }} directly/],
  ['{{node.}}', 1, /expected }} directly after \{\{node$/],
  ['{{{{ok\n{{{', 2, /expected a name/],
]

for (const [text, line, problem] of problems) {
  t.test(`rejects ${JSON.stringify(text)}`, (t) => {
    t.match(parseTemplate(text), { kind: 'problem', line, problem })
    t.end()
  })
}

t.test('reports each unknown name once, at its first line', (t) => {
  const template = parsed('{{node.name}}\n{{node.adress}}\n{{node.adress}} {{x}}')
  t.same(unknownNames(template, values.keys()), [
    { name: 'node.adress', line: 2 },
    { name: 'x', line: 3 },
  ])
  t.same(unknownNames(template, ['node.name', 'node.adress', 'x']), [])
  t.end()
})

t.test('distinguishes names that do not exist from those without a value for a node', (t) => {
  const names = ['node.name', 'node.address', 'node.disk']
  const template = parsed('{{node.name}}\n{{node.disk}}\n{{node.adress}}')
  t.same(templateProblems(template, names, values, 'ocp45/m1'), [
    { kind: 'problem', line: 2, problem: 'ocp45/m1 has no value for {{node.disk}}' },
    {
      kind: 'problem',
      line: 3,
      problem: '{{node.adress}} is not a known placeholder (did you mean node.address?)',
    },
  ])
  t.end()
})

t.test('does not render a template that was not checked', (t) => {
  t.throws(() => renderTemplate(parsed('{{node.disk}}'), values), TypeError)
  t.end()
})

/** Texts with many braces. */
const text = fc.string({ unit: fc.constantFrom('{', '}', 'a', ' ', '\n', '.', '$'), maxLength: 30 })

t.test('an escaped text renders as itself, also between placeholders', (t) => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const template = parsed(`${escapeTemplate(before)}{{node.name}}${escapeTemplate(after)}`)
      t.equal(renderTemplate(template, values), `${before}m1${after}`)
    }),
  )
  t.end()
})

t.test('any text is parsed or has a problem in one of its lines', (t) => {
  fc.assert(
    fc.property(fc.oneof(text, fc.string()), (any) => {
      const template = parseTemplate(any)
      if (template.kind === 'template') {
        const names = unknownNames(template, []).map(({ name }) => [name, ''] as const)
        renderTemplate(template, new Map(names))
        return true
      }
      return template.line >= 1 && template.line <= any.split('\n').length
    }),
  )
  t.end()
})
