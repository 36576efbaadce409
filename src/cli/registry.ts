/** All commands. Each is loaded when it runs, so that help and small commands start quickly. Add a command here. */
import type { CommandEntry } from './command.ts'

export const commandGroups: Readonly<Record<string, readonly CommandEntry[]>> = {
  'Serve a site': [
    {
      name: 'serve',
      summary: 'Serve DHCP, TFTP, HTTP, and DNS for a site',
      load: async () => (await import('./commands/serve.ts')).serve,
    },
    {
      name: 'demo',
      summary: 'Serve the example site on loopback and boot its nodes',
      load: async () => (await import('./commands/demo.ts')).demo,
    },
  ],
  'Prepare a site (read the site file)': [
    {
      name: 'init',
      summary: 'Write a new site file from the answers to five questions',
      load: async () => (await import('./commands/init.ts')).init,
    },
    {
      name: 'import',
      summary: 'Write a site file from the files of other programs',
      load: async () => (await import('./commands/import.ts')).importSite,
    },
    {
      name: 'check',
      summary: 'Validate a site file and show what it serves',
      load: async () => (await import('./commands/check.ts')).check,
    },
    {
      name: 'preflight',
      summary: 'Check this machine and its network before power-on',
      load: async () => (await import('./commands/preflight.ts')).preflight,
    },
    {
      name: 'render',
      summary: 'Print configuration for HAProxy, DNS, iPXE, libvirt, …',
      load: async () => (await import('./commands/render.ts')).render,
    },
    {
      name: 'export',
      summary: 'Print the site as configuration of dnsmasq or ISC dhcpd',
      load: async () => (await import('./commands/export.ts')).exportSite,
    },
    {
      name: 'haproxy',
      summary: 'Check and copy a HAProxy configuration as root',
      load: async () => (await import('./commands/haproxy.ts')).haproxy,
    },
    {
      name: 'images',
      summary: 'Download, verify, export, and import boot images',
      load: async () => (await import('./commands/images/images.ts')).images,
    },
    {
      name: 'simulate',
      summary: 'Boot nodes over real packets, without hardware',
      load: async () => (await import('./commands/simulate.ts')).simulate,
    },
  ],
  'Operate (query the running slipway)': [
    {
      name: 'status',
      summary: 'Show the state of every node and what is wrong with it',
      load: async () => (await import('./commands/status.ts')).status,
    },
    {
      name: 'health',
      summary: 'Report in one line whether slipway serves',
      load: async () => (await import('./commands/health.ts')).health,
    },
    {
      name: 'doctor',
      summary: 'Check the running slipway and write a support bundle',
      load: async () => (await import('./commands/doctor.ts')).doctor,
    },
    {
      name: 'explain',
      summary: 'Show everything the services send to one node',
      load: async () => (await import('./commands/explain.ts')).explain,
    },
    {
      name: 'node',
      summary: 'Show, arm, add, and remove nodes',
      load: async () => (await import('./commands/node/node.ts')).node,
    },
    {
      name: 'power',
      summary: 'Show and switch the power of nodes through their BMCs',
      load: async () => (await import('./commands/power.ts')).power,
    },
    {
      name: 'nodes',
      summary: 'List undeclared machines that sent DHCP requests',
      load: async () => (await import('./commands/nodes.ts')).nodes,
    },
    {
      name: 'cluster',
      summary: 'Show the installation of a cluster and its bootstrap',
      load: async () => (await import('./commands/cluster.ts')).cluster,
    },
    {
      name: 'wait',
      summary: 'Wait for an installation stage and show what is missing',
      load: async () => (await import('./commands/wait.ts')).wait,
    },
    {
      name: 'csr',
      summary: 'List pending certificate requests and why they are pending',
      load: async () => (await import('./commands/csr.ts')).csr,
    },
    {
      name: 'state',
      summary: 'Check, back up, and restore the installation records',
      load: async () => (await import('./commands/state.ts')).state,
    },
    {
      name: 'token',
      summary: 'Create, list, and revoke tokens for the API and the page',
      load: async () => (await import('./commands/token.ts')).token,
    },
    {
      name: 'events',
      summary: 'Follow the boot and installation events of nodes',
      load: async () => (await import('./commands/events.ts')).events,
    },
    {
      name: 'log',
      summary: 'Show the latest events of one node',
      load: async () => (await import('./commands/log.ts')).log,
    },
    {
      name: 'capture',
      summary: 'Write the packets of one machine to a pcap file',
      load: async () => (await import('./commands/capture.ts')).capture,
    },
    {
      name: 'hooks',
      summary: 'List the hooks and send one a sample event',
      load: async () => (await import('./commands/hooks.ts')).hooks,
    },
    {
      name: 'plan',
      summary: 'Show what a site file would change, and for which machines',
      load: async () => (await import('./commands/plan.ts')).plan,
    },
    {
      name: 'reload',
      summary: 'Reload the site file and show what changed',
      load: async () => (await import('./commands/reload.ts')).reload,
    },
    {
      name: 'confirm',
      summary: 'Keep a site that was reloaded with --confirm',
      load: async () => (await import('./commands/confirm.ts')).confirm,
    },
    {
      name: 'rollback',
      summary: 'Serve an earlier site again',
      load: async () => (await import('./commands/rollback.ts')).rollback,
    },
    {
      name: 'history',
      summary: 'List the sites that slipway served, and print one',
      load: async () => (await import('./commands/history.ts')).history,
    },
  ],
  'About slipway': [
    {
      name: 'version',
      summary: 'Print the versions of slipway and of Node.js',
      load: async () => (await import('./commands/version.ts')).version,
    },
    {
      name: 'completion',
      summary: 'Print a script that completes commands in your shell',
      load: async () => (await import('./commands/completion.ts')).completionOf(commandGroups),
    },
  ],
}
