/** The site of machines with several disks, and their Ignition file. */
import { addresses, nodes } from '../real/network.ts'

/** `disk: /dev/sda`, by the name of a node; further keys follow after a comma. */
export type DiskSettings = Readonly<Partial<Record<'w1' | 'w2', string>>>

/** Shows the disks of the installed system on its console, at each start. */
const report = `\
say() { sed 's/^/disks: /'; }
echo "the root is on $(findmnt --noheadings --output SOURCE /)" | say
for device in /dev/md/md-boot /dev/md/md-root; do
  [ ! -b "$device" ] || mdadm --detail "$device" | grep -E ' : ' | sed "s|^ *|$device |" | say
done
[ ! -b /dev/mapper/mpatha ] || multipath -ll | say
echo 'this is all' | say
`

const unit = `\
[Service]
Type=oneshot
ExecStart=/usr/bin/bash /etc/report-disks
StandardOutput=tty
TTYPath=/dev/ttyS0
[Install]
WantedBy=multi-user.target
`

export const reportIgnition = JSON.stringify({
  ignition: { version: '3.2.0' },
  storage: {
    files: [
      {
        path: '/etc/report-disks',
        mode: 0o644,
        contents: { source: `data:;base64,${Buffer.from(report).toString('base64')}` },
      },
    ],
  },
  systemd: { units: [{ name: 'report-disks.service', enabled: true, contents: unit }] },
})

export function siteText(imagesDir: string, settings: Readonly<Record<string, string>>): string {
  const declared = [nodes.w1, nodes.w2].map(
    ({ name, mac, address }) =>
      `      - { name: ${name}, role: worker, mac: "${mac}", address: ${address}, ${settings[name]} }`,
  )
  return `\
site: disks
server: { interface: srv0, address: ${addresses.appliance} }
subnets:
  - { cidr: 172.16.0.0/24, gateway: ${addresses.appliance} }
images:
  rhcos-4.17: { dir: ${JSON.stringify(imagesDir)} }
clusters:
  - name: ocp45
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ignition
    order: false
    console: [ttyS0]
    # Faster on emulated processors.
    kernelArguments: [mitigations=off]
    loadBalancer: { api: ${addresses.api}, ingress: ${addresses.api} }
    nodes:
${declared.join('\n')}
`
}
