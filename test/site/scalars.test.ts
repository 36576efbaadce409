import t from 'tap'
import { formatIp } from '../../src/proto/address/ip.ts'
import * as scalars from '../../src/site/scalars.ts'

type Parsed = { success: true; data: unknown } | { success: false; error: { issues: { message: string }[] } }
type Scalar = { safeParse(value: unknown): Parsed }

function result(scalar: Scalar, value: unknown): unknown {
  const parsed = scalar.safeParse(value)
  return parsed.success ? parsed.data : parsed.error.issues.map(({ message }) => message)
}

t.test('an accepted text becomes the value that the program uses', (t) => {
  const cases: { scalar: Scalar; text: unknown; value: unknown }[] = [
    { scalar: scalars.ipv4, text: '192.0.2.1', value: 0xc0000201 },
    { scalar: scalars.ip, text: '2001:DB8:0:0::1', value: '2001:db8::1' },
    { scalar: scalars.mac, text: '00-00-5E-00-53-01', value: '00:00:5e:00:53:01' },
    { scalar: scalars.label, text: 'M1', value: 'm1' },
    { scalar: scalars.domain, text: 'Example.NET.', value: 'example.net' },
    { scalar: scalars.mailbox, text: 'root.example.net', value: 'root.example.net' },
    { scalar: scalars.path, text: 'a/~b', value: 'a/~b' },
    { scalar: scalars.fileName, text: 'rhcos-live-kernel.x86_64', value: 'rhcos-live-kernel.x86_64' },
    { scalar: scalars.imageName, text: 'rhcos-4.17_b', value: 'rhcos-4.17_b' },
    { scalar: scalars.interfaceName, text: 'enp1s0.100', value: 'enp1s0.100' },
    { scalar: scalars.command, text: 'systemctl reload haproxy', value: 'systemctl reload haproxy' },
    { scalar: scalars.seconds(1, 5), text: 5, value: 5 },
    { scalar: scalars.port, text: 65_535, value: 65_535 },
    { scalar: scalars.diskPath, text: '/dev/sdb', value: '/dev/sdb' },
    { scalar: scalars.diskPath, text: '/dev/nvme0n1', value: '/dev/nvme0n1' },
    {
      scalar: scalars.diskPath,
      text: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1',
      value: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1',
    },
    { scalar: scalars.kernelArgument, text: 'rd.neednet=1', value: 'rd.neednet=1' },
    { scalar: scalars.kernelArgument, text: 'nameserver=2001:db8::53', value: 'nameserver=2001:db8::53' },
    { scalar: scalars.consoleDevice, text: 'ttyS0,115200n8', value: 'ttyS0,115200n8' },
  ]
  for (const { scalar, text, value } of cases) t.same(result(scalar, text), value, String(text))
  t.end()
})

t.test('a rejected text gets one message with the expected form', (t) => {
  const disk = ['expected the path of a whole disk such as /dev/sda or /dev/disk/by-id/…']
  const argument = ['expected one kernel argument: name or name=value, without spaces and ${']
  const domain = ['expected a domain name: labels of letters, digits, and inner hyphens, separated by dots']
  const port = ['expected a whole number from 1 to 65535']
  const cases: { scalar: Scalar; value: unknown; messages: string[] }[] = [
    { scalar: scalars.ipv4, value: '010.0.0.1', messages: ['expected an IPv4 address'] },
    { scalar: scalars.ipv4, value: 7, messages: ['expected an IPv4 address'] },
    {
      scalar: scalars.mac,
      value: '01:00:5e:00:53:01',
      messages: ['expected a unicast MAC address'],
    },
    {
      scalar: scalars.mac,
      value: '00:00:00:00:00:00',
      messages: ['expected a unicast MAC address'],
    },
    { scalar: scalars.domain, value: 'a..b', messages: domain },
    { scalar: scalars.domain, value: '.', messages: domain },
    { scalar: scalars.domain, value: 'a.'.repeat(126) + 'bc', messages: domain },
    {
      scalar: scalars.path,
      value: 'a\u0000b',
      messages: ['expected a path, absolute or relative to the site file (~ is not expanded)'],
    },
    {
      scalar: scalars.interfaceName,
      value: 'sixteen-letters-',
      messages: ['expected an interface name of up to 15 characters'],
    },
    { scalar: scalars.diskPath, value: '/dev/sda2', messages: disk },
    { scalar: scalars.diskPath, value: '/dev/mmcblk0p1', messages: disk },
    { scalar: scalars.diskPath, value: '/dev/${net0/mac}', messages: disk },
    { scalar: scalars.kernelArgument, value: 'a=${b}', messages: argument },
    { scalar: scalars.kernelArgument, value: '&&', messages: argument },
    { scalar: scalars.kernelArgument, value: '#a', messages: argument },
    { scalar: scalars.port, value: 0, messages: port },
    { scalar: scalars.port, value: 1e300, messages: port },
    { scalar: scalars.port, value: Infinity, messages: port },
  ]
  for (const { scalar, value, messages } of cases) t.same(result(scalar, value), messages, String(value))
  t.end()
})

t.test('one address, or a list, becomes a list without duplicates', (t) => {
  const addresses = (value: unknown) =>
    (result(scalars.ips, value) as Parameters<typeof formatIp>[0][]).map(formatIp)
  t.same(addresses('192.0.2.1'), ['192.0.2.1'])
  t.same(addresses(['2001:db8::1', '192.0.2.1', '2001:DB8:0::1']), ['2001:db8::1', '192.0.2.1'])
  t.end()
})
