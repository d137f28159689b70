"""A meter rests because its address did not answer: with another address it is visited at once."""

from django.db import migrations

METER = """
CREATE FUNCTION meter_rest_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.visits_failed := 0;
    NEW.visit_after := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER rest_ends BEFORE UPDATE OF
    serial, communication_type, concentrator_id, logical_device, gateway_address, ipv6_address
    ON meters_meter FOR EACH ROW WHEN (
        (OLD.serial, OLD.communication_type, OLD.concentrator_id, OLD.logical_device,
            OLD.gateway_address, OLD.ipv6_address)
        IS DISTINCT FROM
        (NEW.serial, NEW.communication_type, NEW.concentrator_id, NEW.logical_device,
            NEW.gateway_address, NEW.ipv6_address))
    EXECUTE FUNCTION meter_rest_ends();
"""
CONCENTRATOR = """
CREATE FUNCTION concentrator_rests_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE meters_meter SET visits_failed = 0, visit_after = NULL
    WHERE concentrator_id = NEW.id AND visits_failed > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER rests_end AFTER UPDATE OF host, port, addressing, network_id, client_address
    ON meters_concentrator FOR EACH ROW WHEN (
        (OLD.host, OLD.port, OLD.addressing, OLD.network_id, OLD.client_address)
        IS DISTINCT FROM
        (NEW.host, NEW.port, NEW.addressing, NEW.network_id, NEW.client_address))
    EXECUTE FUNCTION concentrator_rests_end();
"""
BACK = """
DROP TRIGGER rests_end ON meters_concentrator;
DROP FUNCTION concentrator_rests_end();
DROP TRIGGER rest_ends ON meters_meter;
DROP FUNCTION meter_rest_ends();
"""


class Migration(migrations.Migration):
    dependencies = [("meters", "0016_swapped_meters_and_amounts")]

    operations = [migrations.RunSQL(METER + CONCENTRATOR, BACK)]
