"""
Orders to a meter's relay: asked for, sent, read back, and set against how relays stand.

`requests` asks, `sending` brings a command one step further, `exchange` is the interface to
whatever carries the order, `channels` chooses it by the meter. `dlms` talks to the meter, `lorawan`
to the queue of a device, of which `downlinks` hears what became of an order.
"""
