import t from 'tap'
import { addNode, type Adoption } from '../../../src/site/edit/add.ts'
import { formatProblem } from '../../../src/site/problem.ts'
import { siteWith } from '../../support/node-list-site.ts'

const w4: Adoption = {
  macs: ['00:50:56:96:77:01'],
  name: 'w4',
  role: 'worker',
  addresses: ['172.16.0.34'],
  cluster: undefined,
}

/** Why nothing is written. */
function reasons(text: string, adoption: Adoption): string {
  const adopted = addNode(text, '/site.yaml', adoption)
  if (adopted.kind === 'problems') return adopted.problems.map(formatProblem).join('\n')
  return adopted.kind === 'refused' ? `refused: ${adopted.reason}` : adopted.kind
}

const plain = siteWith(
  '    nodes: [{ name: w1, role: worker, mac: "00:00:5e:00:53:01", address: 172.16.0.31 }]\n',
)
const refusals: { name: string; text: string; adoption?: Partial<Adoption>; got: string }[] = [
  {
    name: 'an address that another node has',
    text: plain,
    adoption: { addresses: ['172.16.0.31'] },
    got: '/site.yaml:12: ocp/w4 address: got 172.16.0.31, expected a unique address: w1',
  },
  ...(
    [
      [{}, 'the MAC address 00:00:5e:00:53:01, not 00:50:56:96:77:01'],
      [{ macs: ['00:00:5e:00:53:01'] }, 'the address 172.16.0.31, not 172.16.0.34'],
      [
        { macs: ['00:00:5e:00:53:01'], addresses: ['172.16.0.31', '2001:db8::31'] },
        'the address 172.16.0.31, not 172.16.0.31, 2001:db8::31',
      ],
      [
        { macs: ['00:00:5e:00:53:01'], addresses: ['172.16.0.31'], role: 'infra' },
        'the role worker, not infra',
      ],
    ] satisfies [Partial<Adoption>, string][]
  ).map(([adoption, other]) => ({
    name: `a name that another node has, with ${other}`,
    text: plain,
    adoption: { name: 'W1', ...adoption },
    got: `refused: the site file already has ocp/w1 (line 12), with ${other}`,
  })),
  {
    name: 'a name that a node without a MAC address has',
    text: siteWith('    nodes: [{ name: w4, role: worker, boot: none, address: 172.16.0.34 }]\n'),
    got: 'refused: the site file already has ocp/w4 (line 12), with boot: none, not the MAC address 00:50:56:96:77:01',
  },
  {
    name: 'beside a text whose blank lines would be more than they were',
    text: siteWith(
      `    nodes:
      - name: m1
        role: master
        mac: 00:00:5e:00:53:01
        address: 172.16.0.21

      - name: w1
        role: worker
        mac: 00:00:5e:00:53:02
        address: 172.16.0.31
        files:
          - path: /etc/motd
            contents: |+
              welcome

`,
    ),
    got: 'refused: adding ocp/w4 would change the node before it: edit the site file by hand',
  },
  {
    name: 'a name that is none',
    text: plain,
    adoption: { name: 'w 4' },
    got: '/site.yaml:12: ocp nodes.1.name: got',
  },
  {
    name: 'a name that is YAML',
    text: plain,
    adoption: { name: 'x }, {' },
    got: '/site.yaml:12: ocp nodes.1.name: got',
  },
  { name: 'a broken site', text: plain.replace('disk', 'disc'), got: '/site.yaml:10: ocp disc' },
  {
    name: 'no cluster',
    text: plain.slice(0, plain.indexOf('clusters:')),
    got: 'refused: the site has no cluster',
  },
  {
    name: 'an unknown cluster',
    text: plain,
    adoption: { cluster: 'x' },
    got: 'refused: the site has no cluster x, only ocp',
  },
  {
    name: 'several clusters and none named',
    text: `${plain}${plain.slice(plain.indexOf('  - name')).replace('ocp', 'two').replace(': ignition', ': other').replaceAll('.9,', '.8,').replace('.9 }', '.8 }').replace(':01', ':02').replace('.31', '.32')}`,
    got: 'refused: the site has several clusters, choose one with --cluster: ocp, two',
  },
]
for (const { name, text, adoption, got } of refusals) {
  t.test(`not adopted: ${name}`, (t) => {
    t.equal(
      reasons(text, { ...w4, ...adoption })
        .replace(/(?<=yaml:\d+):\d+ /, ': ')
        .slice(0, got.length),
      got,
    )
    t.end()
  })
}
