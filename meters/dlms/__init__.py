"""
DLMS/COSEM: a codec without input or output, a client over it and a simulated concentrator.

Bytes in, values out. Nothing below this package knows Django.

Names follow the Green Book (IEC 62056-5-3, application layer; IEC 62056-4-7, TCP wrapper) and
the Blue Book (IEC 62056-6-1, OBIS; IEC 62056-6-2, interface classes) of the DLMS User Association.
"""
