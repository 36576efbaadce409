import t from 'tap'
import { expand, parseArguments, parseLine } from '../../src/simulate/ipxe-line.ts'

t.test('a line is split into words and commands', (t) => {
  const cases: { line: string; commands: ReturnType<typeof parseLine> }[] = [
    { line: '', commands: [{ words: [], terminator: undefined }] },
    { line: '# a comment', commands: [{ words: [], terminator: undefined }] },
    { line: '  boot  ', commands: [{ words: ['boot'], terminator: undefined }] },
    { line: 'echo a #b c', commands: [{ words: ['echo', 'a'], terminator: undefined }] },
    {
      line: 'isset ${net0/mac} && goto known || shell',
      commands: [
        { words: ['isset', '${net0/mac}'], terminator: '&&' },
        { words: ['goto', 'known'], terminator: '||' },
        { words: ['shell'], terminator: undefined },
      ],
    },
    {
      line: 'imgfree ||',
      commands: [
        { words: ['imgfree'], terminator: '||' },
        { words: [], terminator: undefined },
      ],
    },
    {
      line: 'set a&&b ; boot',
      commands: [
        { words: ['set', 'a&&b'], terminator: ';' },
        { words: ['boot'], terminator: undefined },
      ],
    },
  ]
  for (const { line, commands } of cases) t.same(parseLine(line), commands, JSON.stringify(line))
  t.end()
})

t.test('settings are expanded', (t) => {
  const settings = new Map([['net0/mac', '00:00:5e:00:53:01']])
  t.equal(expand('mac=${net0/mac}&x=${unknown}.', settings), 'mac=00:00:5e:00:53:01&x=.')
  t.equal(expand('${net0/mac:hexhyp}', settings), '00-00-5e-00-53-01')
  t.equal(expand('${net0/mac:string}', settings), '00:00:5e:00:53:01')
  t.throws(() => expand('${net0/mac:base64}', settings), {
    name: 'SyntaxError',
    message: '${net0/mac:base64} uses a conversion that the simulator does not support',
  })
  t.end()
})

t.test('options end at the first operand', (t) => {
  const known = { '--name': ['name', true], '-n': ['name', true], '--autofree': ['autofree', false] } as const
  const read = (...words: string[]) => {
    const { options, operands } = parseArguments(words, known)
    return { options: Object.fromEntries(options), operands }
  }
  t.same(read('--name', 'main', 'url', '--not-ours'), {
    options: { name: 'main' },
    operands: ['url', '--not-ours'],
  })
  t.same(read('--name=a=b', '--autofree', 'url'), {
    options: { name: 'a=b', autofree: '' },
    operands: ['url'],
  })
  t.same(read('-n', 'main'), { options: { name: 'main' }, operands: [] })
  t.throws(() => read('--frob', 'url'), {
    name: 'SyntaxError',
    message: 'the simulator does not support the option --frob',
  })
  t.throws(() => read('--name'), { name: 'SyntaxError', message: 'option --name has no value' })
  t.end()
})
