/** Sections of the site file for the services beside DHCP, HTTP and names: TFTP, HAProxy and keepalived. */
import { z } from 'zod'
import { command, interfaceName, path, port, wholeNumber } from './scalars.ts'

export const tftpSection = z
  .strictObject({
    root: path.optional().meta({ description: 'a folder of your own files, served beside the loaders' }),
    ports: z
      .strictObject({
        from: port.meta({ description: 'the first port of the range' }),
        to: port.meta({ description: 'the last port of the range' }),
      })
      .optional()
      .meta({
        description: 'transfers answer from these ports, for a firewall that must know them; any when absent',
      }),
    singlePort: z.boolean().default(false).meta({
      description: 'true: transfers answer from the request port, for nodes behind NAT and for containers',
    }),
    loaders: z
      .strictObject({
        bios: path.optional().meta({ description: 'for BIOS machines' }),
        x64: path
          .optional()
          .meta({ description: 'for every x86_64 UEFI machine, whichever loader its node names' }),
        arm64: path
          .optional()
          .meta({ description: 'for every aarch64 UEFI machine, whichever loader its node names' }),
      })
      .prefault({})
      .meta({ description: 'boot loader files; those of the ipxe package when absent' }),
  })
  .meta({ description: 'what firmware fetches first' })

export const haproxySection = z
  .strictObject({
    file: path.meta({
      description: 'the file that the configuration is written to',
      examples: ['/etc/haproxy/haproxy.cfg'],
    }),
    with: z
      .array(path)
      .default([])
      .meta({
        description:
          'the files and folders that HAProxy is started with (-f), in order, when file is only a part of them',
        examples: [['/etc/haproxy/haproxy.cfg', '/etc/haproxy/conf.d']],
      }),
    reload: command.optional().meta({ description: 'the command that is run after the file changed' }),
    masterSocket: path.optional().meta({
      description: "instead of a command: the socket of HAProxy's master process (-S), which reloads it",
      examples: ['/run/haproxy-master.sock'],
    }),
    socket: path.default('/run/haproxy/admin.sock').meta({
      description: "HAProxy's stats socket: it tells which nodes are up, and takes one out without a reload",
    }),
  })
  .meta({ description: 'the load balancer on this machine; leave it out when there is another one' })

export const keepalivedSection = z
  .strictObject({
    interface: interfaceName
      .optional()
      .meta({ description: 'the interface that has the shared addresses; server.interface when absent' }),
    routerId: wholeNumber(1, 255, '')
      .default(51)
      .meta({ description: "the VRRP group's number, its own on this network" }),
    healthPort: port
      .default(9444)
      .meta({ description: 'the port on 127.0.0.1 where HAProxy says that it runs' }),
  })
  .meta({
    description: 'the addresses of the load balancer are shared with the machines of server.peers, by VRRP',
  })
