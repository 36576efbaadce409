/** The administrator's own entries in the boot menu, in the syntaxes of iPXE and GRUB. */
import t from 'tap'
import { compile } from '../../../src/plan/compile.ts'
import { renderBoot } from '../../../src/plan/boot/render.ts'
import { planMenu } from '../../../src/plan/boot/boot-plan.ts'
import { loadSite } from '../../../src/site/load.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'
import { siteText } from '../../support/site-folder.ts'

const memtest = { title: 'Memory test', key: 't', kernel: '/files/tools/mt86plus' }
const rescue = {
  title: "Rescue's || system",
  kernel: 'http://192.0.2.9/vmlinuz',
  initrd: '/images/rhcos/initrd.img',
  arguments: ['rescue', 'name={{node.name}}', 'quoted="a;b"'],
}

function modelWith(entries: {
  readonly site?: readonly object[]
  readonly cluster?: readonly object[]
  readonly node?: readonly object[]
}) {
  const site = exampleSite()
  const [cluster] = site.clusters
  Object.assign(site, {
    http: {
      files: [
        { path: 'tools', dir: '/srv/tools' },
        { path: 'a.cfg', file: '/srv/a.cfg' },
      ],
    },
    ...(entries.site && { menu: { entries: entries.site } }),
  })
  if (entries.cluster) Object.assign(cluster!, { menu: { entries: entries.cluster, timeoutSeconds: 5 } })
  if (entries.node) Object.assign(cluster!.nodes[1]!, { menu: { entries: entries.node } })
  return exampleModel(site)
}

function menuOf(model: ReturnType<typeof modelWith>, syntax: 'ipxe' | 'grub', key = 'ocp45/m1'): string {
  const node = model.nodes.find((each) => each.key === key)!
  const url = `http://192.0.2.2/boot/${key}/boot.ipxe`
  return renderBoot(syntax, node, planMenu(model, node, ['master']), url)
}

t.test('iPXE boots what the administrator wrote', (t) => {
  const text = menuOf(modelWith({ site: [memtest, rescue] }), 'ipxe')
  t.match(text, 'item --key t own0 Memory test\n')
  t.match(text, "item own1 Rescue's ${empty}|| system\n")
  t.match(
    text,
    ':own0\nimgfree\nkernel http://192.0.2.2/files/tools/mt86plus || goto failed\nboot || goto failed\n',
  )
  t.match(
    text,
    ':own1\nimgfree\nkernel http://192.0.2.9/vmlinuz initrd=main rescue name=m1 quoted="a;b" || goto failed\n' +
      'initrd --name main http://192.0.2.2/images/rhcos/initrd.img || goto failed\nboot || goto failed\n',
  )
  t.match(text, 'choose --default local --timeout 30000 entry')
  t.match(text, 'item master Install as master (declared)\n', 'the entries that install are unchanged')
  t.end()
})

t.test('GRUB boots what the administrator wrote', (t) => {
  const text = menuOf(modelWith({ site: [memtest, rescue] }), 'grub')
  t.match(
    text,
    "menuentry 'Memory test' --id own0 --hotkey t {\nif linux '(http,192.0.2.2)/files/tools/mt86plus'; then\nboot\nfi\n",
  )
  t.match(text, String.raw`menuentry 'Rescue'\''s || system' --id own1 {`)
  t.match(
    text,
    "if linux '(http,192.0.2.9)/vmlinuz' 'rescue' 'name=m1' 'quoted=\"a;b\"'; then\n" +
      "if initrd '(http,192.0.2.2)/images/rhcos/initrd.img'; then\nboot\nfi\nfi\n",
  )
  t.end()
})

t.test('each loader shows the scripts of its own syntax, and the URLs that it can read', (t) => {
  const entries = [
    { title: 'A GRUB script', script: '/files/a.cfg' },
    { title: 'An iPXE script', script: 'https://boot.example.net/menu.ipxe' },
    { title: 'A kernel by https', kernel: 'https://boot.example.net/vmlinuz' },
    { title: 'Another iPXE script', script: 'http://boot.example.net/menu.ipxe' },
  ]
  const model = modelWith({ site: entries })
  const ipxe = menuOf(model, 'ipxe')
  t.notMatch(ipxe, 'A GRUB script')
  t.match(ipxe, ':own0\nchain --autofree https://boot.example.net/menu.ipxe || goto failed\ngoto menu\n')
  t.match(ipxe, 'own1 A kernel by https')
  const grub = menuOf(model, 'grub')
  t.match(grub, "menuentry 'A GRUB script' --id own0 {\nsource '(http,192.0.2.2)/files/a.cfg'\n")
  t.notMatch(grub, 'An iPXE script')
  t.notMatch(grub, 'A kernel by https')
  t.notMatch(grub, 'Another iPXE script')
  t.end()
})

t.test('entries of the site, the cluster, and the node are shown; the most specific one applies', (t) => {
  const model = modelWith({
    site: [memtest, rescue],
    cluster: [{ title: 'Of the cluster', kernel: '/files/tools/c' }],
    node: [{ title: 'Memory test', kernel: '/files/tools/other' }],
  })
  const titles = (key: string) =>
    [...menuOf(model, 'ipxe', key).matchAll(/^item (?:--key . )?own\d+ (.*)$/gm)].map(([, title]) => title)
  t.same(titles('ocp45/w1'), ['Memory test', "Rescue's ${empty}|| system", 'Of the cluster'])
  t.same(titles('ocp45/m1'), titles('ocp45/w1'))
  t.match(menuOf(model, 'ipxe'), 'kernel http://192.0.2.2/files/tools/other ')
  t.match(menuOf(model, 'ipxe', 'ocp45/w1'), '--timeout 5000')
  t.match(menuOf(modelWith({}), 'ipxe'), /^(?![^]*own0)/, 'without entries, the menu is unchanged')
  t.end()
})

t.test('entries that cannot work are findings, and are not shown if a value is missing', (t) => {
  const model = modelWith({
    site: [
      memtest,
      { title: 'Undeclared file', kernel: '/files/none' },
      { title: 'Undeclared image', kernel: '/images/none/vmlinuz' },
      { title: 'Typing error', kernel: '/files/tools/a', arguments: ['ip={{node.adress}}'] },
    ],
    node: [
      { title: 'No value', kernel: '/files/tools/a', arguments: 'ntp={{node.ntp}}' },
      { title: 'Syntax', kernel: '/files/tools/{{}}' },
    ],
  })
  const { findings } = compile(model)
  t.same(
    findings
      .filter(({ code }) => code === 'boot.menu-entry-invalid')
      .map(({ about, message }) => [about, message]),
    [
      ['4 nodes', 'menu entry "Undeclared file": /files/none is not declared under http.files'],
      ['4 nodes', 'menu entry "Undeclared image": /images/none/vmlinuz: there is no image none'],
      [
        '4 nodes',
        'menu entry "Typing error": {{node.adress}} is not a known placeholder (did you mean node.address?)',
      ],
      ['ocp45/m1', 'menu entry "No value": the node has no value for {{node.ntp}}'],
      [
        'ocp45/m1',
        'menu entry "Syntax": expected a name after {{, such as {{node.address}}; write {{{{ for a literal {{',
      ],
    ],
  )
  t.notMatch(menuOf(model, 'ipxe'), /Typing error|No value|Syntax/)
  t.same(
    compile(modelWith({ site: [memtest, rescue] })).findings.filter(({ code }) => code.startsWith('boot.')),
    [],
  )
  t.end()
})

t.test('the schema accepts a kernel or a script, on this server or at a URL', (t) => {
  const problems = (entry: string) => {
    const loaded = loadSite(siteText(undefined, `menu: { entries: [${entry}] }\n`), '/etc/slipway/site.yaml')
    return loaded.kind === 'site' ? [] : loaded.problems.map(({ message }) => message)
  }
  t.same(problems('{ title: a, key: b, kernel: /files/a, initrd: "http://h/b", arguments: a=b }'), [])
  t.same(problems('{ title: a, script: /files/a.ipxe }'), [])
  for (const entry of [
    '{ title: a }',
    '{ title: a, kernel: /files/a, script: /files/b }',
    '{ title: a, script: /files/b, initrd: /files/c }',
    '{ title: a, script: /files/b, arguments: c }',
  ])
    t.match(problems(entry), [/expected either a kernel/], entry)
  for (const entry of [
    '{ title: a, kernel: /boot/a }',
    '{ title: a, kernel: "ftp://h/a" }',
    '{ title: a, kernel: "/files/${a}" }',
    '{ title: "${a}", kernel: /files/a }',
    '{ title: a, key: ab, kernel: /files/a }',
  ])
    t.match(problems(entry), [/^got .*expected/], entry)
  t.end()
})
