/** The help of `slipway node` and a page for each of its commands. */
import { actionHelps } from '../../action-help.ts'
import type { Help } from '../../command.ts'
import { rolloutExit, rolloutRows } from '../../power-rollout.ts'
import { controlRow, jsonRow } from '../../target.ts'
import { addHelp } from './add.ts'
import { adoptHelp } from './adopt.ts'
import { logHelp } from './log.ts'
import { removeHelp } from './remove.ts'

export const nodeHelp: Help = {
  usage: [
    'node show [--json] [--control PATH] NAME',
    'node log [--lines N] [--follow] [--json] [--control PATH] NAME',
    'node install [--power [--at-once N] [--timeout TIME] [--resume]] [--json] [--control PATH] NAME…',
    'node local|menu|forget [--json] [--control PATH] NAME…',
    'node drain|enable [--json] [--control PATH] NAME…',
    'node add|remove|adopt … (see slipway node add --help)',
  ],
  about: [
    'Shows, arms, drains, adds, and removes nodes.',
    'Queries the running slipway. NAME is w1, or ocp45/w1 if several clusters have a node w1.',
  ],
  lists: {
    Commands: [
      ['show', 'show every boot step of the node with its time, duration, size, and rate, and what is wrong'],
      ['log', 'show the log that the node sends to the syslog receiver'],
      ['install', 'arm the node: its next network boot installs it, once, within 24 h'],
      ['local', 'make the next network boots start the system on its disk'],
      ['menu', 'make the next network boots show the menu'],
      ['forget', 'delete the recorded state of the node, so that the site file decides again'],
      ['drain', 'send the node no new connections until you enable it again'],
      ['enable', 'send a drained node connections again'],
      ['add', 'add a node to a running cluster and follow it until it is Ready'],
      ['remove', 'remove nodes from the site file and from the load balancer'],
      ['adopt', 'write a node into the site file'],
    ],
  },
  options: [...rolloutRows, controlRow, jsonRow],
  exit: [
    ['0', 'success'],
    ['1', 'slipway is not running, or refused the request'],
    ['2', 'invalid command line, or no such node'],
  ],
  isPaged: true,
  examples: ['node show w1', 'node install ocp45/w1 ocp45/w2', 'node add --help'],
}

const names = 'NAME is w1, or ocp45/w1 if several clusters have a node w1.'

export const nodeHelps: Readonly<Record<string, Help>> = {
  ...actionHelps(nodeHelp, {
    show: {
      about: [
        'Shows the state of one node and its boots.',
        'Prints every boot step with its time, duration, size, and rate, and what is wrong. ' + names,
      ],
      examples: ['node show w1'],
    },
    install: {
      about: [
        'Arms nodes.',
        'The next network boot of each node installs it, once, within 24 h. This overwrites its disk. ' +
          names,
      ],
      exit: [
        ['0', 'success; with --power: all nodes are installed'],
        ['1', 'slipway is not running, refused the request, or a node was not installed'],
        ['2', 'invalid command line, or no such node'],
        ...rolloutExit,
      ],
      examples: ['node install ocp45/w1 ocp45/w2'],
    },
    local: {
      about: [
        'Makes nodes boot from disk.',
        'Their next network boots start the system on the disk. ' + names,
      ],
      examples: ['node local w1'],
    },
    menu: {
      about: ['Makes nodes show the boot menu.', 'Their next network boots show the menu. ' + names],
      examples: ['node menu w1'],
    },
    forget: {
      about: [
        'Deletes the recorded state of nodes.',
        'After that, the site file decides again what the nodes boot. ' + names,
      ],
      examples: ['node forget w1'],
    },
    drain: {
      about: [
        'Drains nodes in the load balancer.',
        'HAProxy sends them no new connections, and existing connections continue. Reloads and restarts do not ' +
          'change that: run "slipway node enable" to end it. slipway refuses to drain the only server of a backend ' +
          'that is up. ' +
          names,
      ],
      examples: ['node drain w1', 'node drain ocp45/w1 ocp45/w2'],
    },
    enable: {
      about: [
        'Ends the draining of nodes.',
        'HAProxy sends them connections again after their health checks pass. ' + names,
      ],
      examples: ['node enable w1'],
    },
  }),
  log: logHelp,
  add: addHelp,
  remove: removeHelp,
  adopt: adoptHelp,
}
