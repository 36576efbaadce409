/** Checks of the API on the network, with clients that others wrote, against a slipway with a rack on loopback. */
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRack, type RackServer } from '../page/server.ts'
import { expectEqual, expectMatch } from '../expect.ts'
import { output, run } from '../process.ts'
import { runStage, type Check } from '../runner.ts'
import { slipway } from '../server.ts'

type ApiRig = {
  readonly rack: RackServer
  readonly url: string
  readonly certificate: string
  readonly token: string
  readonly tokenFile: string
  readonly server: Pick<RackServer, 'tail'>
  readonly network: { inside(name: never, ...command: string[]): string[] }
  close(): Promise<void>
}

const root = join(import.meta.dirname, '../../..')

async function createApiRig(): Promise<ApiRig> {
  const rack = await startRack(4)
  const directory = dirname(rack.sitePath)
  const token = await rack.token('admin')
  const tokenFile = join(directory, 'token')
  await writeFile(tokenFile, token, { mode: 0o600 })
  return {
    ...{ rack, token, tokenFile, server: rack, url: rack.url.replace(/\/$/, '') },
    certificate: join(directory, 'api.crt'),
    network: { inside: (_, ...command) => command },
    close: () => rack.close(),
  }
}

/** Sends generated requests for some operations. @returns the number of test cases */
async function schemathesis(rig: ApiRig, ...selection: string[]): Promise<string> {
  const { url, certificate, token } = rig
  const ended = await run(
    [
      ...['st', 'run', join(root, 'docs/openapi.json'), '--url', url, `--tls-verify=${certificate}`],
      ...['-H', `Authorization: Bearer ${token}`, '--request-timeout', '20', '--max-examples', '25'],
      ...[
        '--phases',
        'examples,coverage,fuzzing',
        '--suppress-health-check',
        'filter_too_much',
        '--no-color',
      ],
      // Wrong tokens of this check would lock out the address. The tests of the API cover it.
      ...['--exclude-checks', 'ignored_auth', ...selection],
    ],
    // It writes a cache to its working directory.
    { limitMs: 280_000, cwd: dirname(rig.tokenFile) },
  )
  const report = join(root, 'test/e2e/.work/schemathesis.txt')
  await writeFile(report, ended.stdout)
  if (ended.status !== 0) {
    const [, failures = ended.stdout] = /=+ FAILURES =+\n(.*)/s.exec(ended.stdout) ?? []
    throw new Error(`${failures.slice(0, 4000)}\nthe whole report is in ${report}`)
  }
  return /\d+ generated, \d+ passed/.exec(ended.stdout)?.[0] ?? 'no summary'
}

const checks: readonly Check<ApiRig>[] = [
  {
    name: 'api: slipway --server verifies the certificate, and shows the status with a token',
    async run({ url, certificate, tokenFile, rack }) {
      const options = ['--server', url, '--ca-file', certificate, '--token-file', tokenFile]
      const text = await output(slipway(...options, 'status'))
      for (const node of rack.nodes) {
        if (!text.includes(node)) throw new Error(`${node} is missing:\n${text}`)
      }
      return `${rack.nodes.length} nodes`
    },
  },
  {
    name: 'api: slipway --server adds and removes a node as on the server, and keeps the rest of the site file',
    limitMs: 60_000,
    async run({ url, certificate, tokenFile, rack }) {
      const options = ['--server', url, '--ca-file', certificate, '--token-file', tokenFile, 'node']
      const node = ['--role', 'worker', '--mac', '00:50:56:96:79:01', '--address', '172.16.0.79', 'w79']
      const served = () => rack.app.plan().nodes.some(({ key }) => key === 'ocp45/w79')
      const before = await readFile(rack.sitePath, 'utf8')
      expectMatch(
        await output(slipway(...options, 'add', '--dry-run', ...node)),
        /^\+ .*name: w79,/m,
        'the change',
      )
      const added = await output(slipway(...options, 'add', '--until', 'armed', ...node))
      expectMatch(added, /ocp45\/w79 is declared\nsite reloaded: .*\nocp45\/w79: armed/, 'the added node')
      expectEqual(served(), true, 'w79 is served')
      const removed = await output(slipway(...options, 'remove', '--until', 'reloaded', 'w79'))
      expectMatch(removed, /ocp45\/w79 removed\nsite reloaded: .*\nleft to do: /, 'the removed node')
      expectEqual(served(), false, 'w79 is served after its removal')
      expectEqual(await readFile(rack.sitePath, 'utf8'), before, 'the site file')
      const master = await run(slipway(...options, 'remove', 'm1'))
      expectEqual(master.status, 1, 'the exit status for a master')
      expectMatch(master.stderr, /ocp45\/m1 is a control-plane node.*\n.*nothing was changed/, 'the reasons')
      return undefined
    },
  },
  {
    name: 'api: the Ansible playbook arms a node',
    limitMs: 120_000,
    async run({ url, certificate, tokenFile, rack }) {
      const [node = ''] = rack.nodes.slice(-1)
      const variables = { url, token_file: tokenFile, ca_file: certificate, node, state: 'install' }
      const playbook = join(root, 'config/ansible/install-node.yml')
      const command = ['ansible-playbook', playbook, '-e', JSON.stringify(variables)]
      const text = await output(command, { limitMs: 110_000 })
      if (!/failed=0/.test(text)) throw new Error(text)
      return /ok=\d+ +changed=\d+/.exec(text)?.[0]
    },
  },
  {
    name: 'api: Terraform declares nodes, shows the plan before it reloads, and changes nothing the second time',
    limitMs: 240_000,
    async run(rig) {
      const node = { cluster: 'ocp45', role: 'worker', mac: '00:50:56:96:78:01', address: '172.16.0.78' }
      const directory = await mkdtemp(join(dirname(rig.tokenFile), 'terraform-'))
      await cp(join(root, 'config/terraform/main.tf'), join(directory, 'main.tf'))
      const settings = {
        ...{ url: rig.url, token_file: rig.tokenFile, ca_file: rig.certificate, nodes: { w78: node } },
        slipway: `${process.execPath} ${join(root, 'src/main.ts')}`,
      }
      await writeFile(join(directory, 'terraform.tfvars.json'), JSON.stringify(settings))
      const terraform = (...args: string[]) =>
        output(['terraform', ...args, '-no-color'], { limitMs: 110_000, cwd: directory })
      const served = () => rig.rack.app.plan().nodes.some(({ key }) => key === 'ocp45/w78')
      await terraform('init', '-input=false')
      const planned = await terraform('apply', '-input=false', '-auto-approve')
      expectMatch(planned, /ocp45\/w78 is declared/, 'the entry')
      expectMatch(planned, /\+ node ocp45\/w78/, 'the plan of slipway')
      expectMatch(await readFile(rig.rack.sitePath, 'utf8'), /name: w78, /, 'the site file')
      expectEqual(served(), false, 'w78 is served before the reload')
      const reload = ['apply', '-input=false', '-auto-approve', '-var', 'reload=true']
      expectMatch(await terraform(...reload), /site confirmed/, 'the reload')
      expectEqual(served(), true, 'w78 is served')
      expectMatch(await terraform(...reload), /No changes/, 'another run')
      return undefined
    },
  },
  {
    name: 'api: Redocly finds no fault in the description',
    limitMs: 120_000,
    async run() {
      // It ends with 1 for each error, and this configuration has no warnings.
      const config = join(root, 'test/e2e/api/redocly.yaml')
      const command = ['redocly', 'lint', '--config', config, join(root, 'docs/openapi.json')]
      await output(command, { limitMs: 110_000 })
      return undefined
    },
  },
  {
    name: 'api: schemathesis finds no fault',
    limitMs: 300_000,
    // The stream of events never ends, and a capture lasts a minute. A revoked token would end the test.
    run: (rig) =>
      schemathesis(
        rig,
        ...['--exclude-path', '/v1/events', '--exclude-path', '/v1/capture'],
        ...['--exclude-operation-id', 'revokeToken'],
      ),
  },
]

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true, default: [''] } } })
const chosen = checks.filter(({ name }) => values.only.some((text) => name.includes(text)))
const rig = await createApiRig()
const results = await runStage([chosen], rig, new AbortController().signal).finally(() => rig.close())
const failed = results.filter(({ failure }) => failure !== undefined)
console.log(`\n${results.length - failed.length} of ${results.length} checks passed`)
process.exit(results.length > 0 && failed.length === 0 ? 0 : 1)
