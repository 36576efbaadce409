package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// dhcpClient has the options and time-outs of one kind of client.
type dhcpClient struct {
	name      string
	broadcast bool
	options   func(mac []byte) []byte
	timeouts  []time.Duration
}

const (
	discover = 1
	offer    = 2
	request  = 3
	ack      = 5
)

func seconds(values ...int) []time.Duration {
	durations := make([]time.Duration, len(values))
	for index, value := range values {
		durations[index] = time.Duration(value) * time.Second
	}
	return durations
}

func option(code byte, value ...byte) []byte {
	return append([]byte{code, byte(len(value))}, value...)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// The options of OVMF 2022.11, Debian's iPXE, and NetworkManager (as busybox's udhcpc sends them).
var (
	firmwareClient = dhcpClient{
		name: "firmware", broadcast: true, timeouts: seconds(4, 8, 16, 32),
		options: func(mac []byte) []byte {
			return join(
				option(57, 0x05, 0xc0),
				option(55, 1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135),
				option(97, append(make([]byte, 11), mac...)...),
				option(94, 1, 3, 0), option(93, 0, 7),
				option(60, []byte("PXEClient:Arch:00007:UNDI:003000")...),
			)
		},
	}
	ipxeClient = dhcpClient{
		name: "iPXE", timeouts: seconds(1, 2, 4, 8),
		options: func(mac []byte) []byte {
			return join(
				option(57, 0x05, 0xc0), option(93, 0, 7), option(94, 1, 3, 10),
				option(60, []byte("PXEClient:Arch:00007:UNDI:003010")...), option(77, []byte("iPXE")...),
				option(55, 1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, 128, 129, 130, 131, 132, 133, 134, 135, 175, 203),
				option(175, 177, 5, 1, 0x1a, 0xf4, 0x10, 0, 235, 3, 1, 0, 0, 19, 1, 1, 21, 1, 1, 23, 1, 1, 36, 1, 1, 39, 1, 1),
				option(61, append([]byte{1}, mac...)...), option(97, append(make([]byte, 11), mac...)...),
			)
		},
	}
	systemClient = dhcpClient{
		name: "system", timeouts: seconds(3, 3, 3, 10),
		options: func(mac []byte) []byte {
			return join(
				option(57, 0x02, 0x40), option(55, 1, 3, 6, 12, 15, 26, 28, 42, 119),
				option(61, append([]byte{1}, mac...)...),
			)
		},
	}
)

// relay is a relay agent for all nodes: replies arrive at its port 67, and are found by their transaction.
type relay struct {
	socket  *net.UDPConn
	servers []netip.AddrPort
	address [4]byte

	mutex   sync.Mutex
	waiting map[uint32]chan []byte
}

func openRelay(rack *Rack) (*relay, error) {
	address, err := netip.ParseAddr(rack.Relay)
	if err != nil {
		return nil, err
	}
	var servers []netip.AddrPort
	for _, text := range append([]string{rack.Server}, rack.Others...) {
		server, err := netip.ParseAddr(text)
		if err != nil {
			return nil, err
		}
		servers = append(servers, netip.AddrPortFrom(server, 67))
	}
	socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 67)))
	if err != nil {
		return nil, err
	}
	// Replies to a whole rack can arrive while this program does other work.
	if err := forceReceiveBuffer(socket, 8<<20); err != nil {
		return nil, err
	}
	opened := &relay{socket: socket, servers: servers, address: address.As4(), waiting: map[uint32]chan []byte{}}
	go opened.receive()
	return opened, nil
}

func (r *relay) receive() {
	buffer := make([]byte, 2048)
	for {
		length, _, err := r.socket.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if length < 240 || buffer[0] != 2 {
			continue
		}
		r.mutex.Lock()
		waiter := r.waiting[binary.BigEndian.Uint32(buffer[4:])]
		r.mutex.Unlock()
		if waiter != nil {
			select {
			case waiter <- append([]byte(nil), buffer[:length]...):
			default: // A repeated reply.
			}
		}
	}
}

// lease gets the address of a node, and returns the boot file of the offer: a path for TFTP, or a URL.
func (m *machine) lease(client dhcpClient) (string, error) {
	mac, err := net.ParseMAC(m.Mac)
	if err != nil {
		return "", err
	}
	r := m.rack.dhcp
	xid := rand.Uint32()
	replies := make(chan []byte, 4)
	r.mutex.Lock()
	r.waiting[xid] = replies
	r.mutex.Unlock()
	defer func() {
		r.mutex.Lock()
		delete(r.waiting, xid)
		r.mutex.Unlock()
	}()

	offered, err := m.exchange(client, r.message(client, xid, mac, discover), replies, offer)
	if err != nil {
		return "", err
	}
	address := netip.AddrFrom4([4]byte(offered[16:20]))
	if address.String() != m.Address {
		return "", fmt.Errorf("address %s instead of %s", address, m.Address)
	}
	if identifier := optionOf(offered, 54); len(m.rack.Others) > 0 && len(identifier) == 4 {
		m.server = netip.AddrFrom4([4]byte(identifier)).String()
	}
	selection := join(option(54, optionOf(offered, 54)...), option(50, offered[16:20]...))
	if _, err := m.exchange(client, r.message(client, xid, mac, request, selection...), replies, ack); err != nil {
		return "", err
	}
	file := string(optionOf(offered, 67))
	if file == "" {
		file = string(offered[108:236])
	}
	return strings.TrimRight(file, "\x00"), nil
}

func (m *machine) exchange(client dhcpClient, message []byte, replies <-chan []byte, wanted byte) ([]byte, error) {
	for attempt, timeout := range client.timeouts {
		if attempt > 0 {
			m.rack.countRepeated("DHCP " + client.name)
		}
		if err := m.rack.dhcp.sendToAll(message, m.index); err != nil {
			return nil, err
		}
		timer := time.NewTimer(timeout)
		for waits := true; waits; {
			select {
			case reply := <-replies:
				if kind := optionOf(reply, 53); len(kind) == 1 && kind[0] == wanted {
					timer.Stop()
					return reply, nil
				}
			case <-timer.C:
				waits = false
			}
		}
	}
	return nil, fmt.Errorf("no reply of type %d", wanted)
}

// sendToAll starts with another server for each node, so that none of them always answers first.
func (r *relay) sendToAll(message []byte, first int) error {
	for index := range r.servers {
		if _, err := r.socket.WriteToUDPAddrPort(message, r.servers[(first+index)%len(r.servers)]); err != nil {
			return err
		}
	}
	return nil
}

func (r *relay) message(client dhcpClient, xid uint32, mac []byte, kind byte, selection ...byte) []byte {
	message := make([]byte, 240, 600)
	message[0], message[1], message[2], message[3] = 1, 1, 6, 1
	binary.BigEndian.PutUint32(message[4:], xid)
	if client.broadcast {
		message[10] = 0x80
	}
	copy(message[24:], r.address[:])
	copy(message[28:], mac)
	copy(message[236:], []byte{0x63, 0x82, 0x53, 0x63})
	return append(join(message, option(53, kind), selection, client.options(mac)), 255)
}

// optionOf returns the value of an option, or nil.
func optionOf(message []byte, code byte) []byte {
	for at := 240; at+1 < len(message) && message[at] != 255; {
		if message[at] == 0 {
			at++
			continue
		}
		end := at + 2 + int(message[at+1])
		if end > len(message) {
			return nil
		}
		if message[at] == code {
			return message[at+2 : end]
		}
		at = end
	}
	return nil
}
