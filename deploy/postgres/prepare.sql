-- Prepares one database for Exeat. Run by a superuser, once for each database, again after each upgrade:
--
--   psql -v ON_ERROR_STOP=1 -d <database> -c "SET exeat.admin = 'vaultadmin'" -f prepare.sql
--
-- (plain SQL, so that other clients can run it; the name is vaultadmin when it is not set)
-- then give the role a password (\password vaultadmin), run the grants that `exeat vault sql` prints for the
-- catalogue's tables, and run `exeat vault apply`. Running it again changes nothing.
--
-- It makes
--   * the role that Vault uses (vaultadmin): it may create roles and end sessions, and is no superuser;
--   * the schema exeat with functions of that role: take_turn, make_way and end_role for Vault, shut and look for
--     the verifier, whose own role may do nothing else. They touch no other role than those that Exeat lends.
-- and takes from PUBLIC, in this database, what would let a borrowed role own something that cannot be dropped, or
-- not in one transaction: temporary tables, CREATE on any schema, and the making of large objects (lo_creat,
-- lo_create, lo_from_bytea). Who else needs those is granted them by name.
-- An event trigger, exeat_refuse, refuses every DDL of borrowed roles in this database; nobody else's.
--
-- A role owns things in the whole cluster, and a function here cannot drop them elsewhere. So it refuses to finish
--   * while PUBLIC may connect to another database, as it may by default: REVOKE what it names, or have it done by
--     SET exeat.revoke_public_connect = on; SET exeat.allow_public_connect = on leaves it, and then an agent can
--     keep its role from being dropped (not from being shut);
--   * while prepared transactions are on: one that holds an agent's own role outlives its session, nobody but a
--     superuser can end it, and the role stays able to log in until its VALID UNTIL.
--     SET exeat.allow_prepared_transactions = on leaves it.

BEGIN;

DO $$
DECLARE
  revoke boolean := coalesce(nullif(current_setting('exeat.revoke_public_connect', true), ''), 'off')::boolean;
  allow boolean := coalesce(nullif(current_setting('exeat.allow_public_connect', true), ''), 'off')::boolean;
  prepared boolean := coalesce(nullif(current_setting('exeat.allow_prepared_transactions', true), ''), 'off')::boolean;
  other text;
  todo text := '';
BEGIN
  FOR other IN
    SELECT datname FROM pg_database
     WHERE datallowconn AND datname <> current_database() AND has_database_privilege('public', oid, 'CONNECT')
     ORDER BY datname
  LOOP
    IF revoke THEN
      EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', other);
    ELSIF allow THEN
      RAISE NOTICE 'every role, also a borrowed one, may connect to % and own things there', other;
    ELSE
      todo := todo || format(' REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC;', other);
    END IF;
  END LOOP;
  IF todo <> '' THEN
    RAISE EXCEPTION 'PUBLIC may connect to other databases, where a borrowed role could own what nobody drops'
      USING HINT = 'Grant CONNECT by name to who needs it and run:' || todo
        || ' Or SET exeat.revoke_public_connect = on for this script to do so,'
        || ' or SET exeat.allow_public_connect = on to leave it.';
  END IF;
  IF current_setting('max_prepared_transactions')::integer > 0 AND NOT prepared THEN
    RAISE EXCEPTION 'max_prepared_transactions is not 0: a borrowed role could keep itself from being shut'
      USING HINT = 'Set it to 0, or SET exeat.allow_prepared_transactions = on to leave it.';
  END IF;
END $$;

DO $$
DECLARE
  admin text := coalesce(nullif(current_setting('exeat.admin', true), ''), 'vaultadmin');
  place text;
  maker regprocedure;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = admin) THEN
    EXECUTE format('CREATE ROLE %I', admin);
  END IF;
  EXECUTE format('ALTER ROLE %I LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS', admin);
  EXECUTE format('GRANT pg_signal_backend TO %I', admin);

  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  FOR place IN SELECT nspname FROM pg_namespace WHERE has_schema_privilege('public', oid, 'CREATE') LOOP
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', place);
  END LOOP;
  SELECT nspname INTO place FROM pg_namespace WHERE has_schema_privilege('public', oid, 'CREATE');
  IF FOUND THEN
    RAISE EXCEPTION 'PUBLIC may create in the schema %: its owner did not grant that, so its owner cannot revoke it', place;
  END IF;
  FOR maker IN
    SELECT oid FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace
       AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_export')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', maker);
  END LOOP;
  -- So that what Vault creates can connect where CONNECT was taken from PUBLIC.
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I WITH GRANT OPTION', current_database(), admin);

  CREATE SCHEMA IF NOT EXISTS exeat;
  EXECUTE format('ALTER SCHEMA exeat OWNER TO %I', admin);
  REVOKE ALL ON SCHEMA exeat FROM PUBLIC;

  -- Locked by whoever changes privileges, and by nobody else: two that change those of one table fail otherwise.
  CREATE TABLE IF NOT EXISTS exeat.turn ();
  EXECUTE format('ALTER TABLE exeat.turn OWNER TO %I', admin);
  REVOKE ALL ON exeat.turn FROM PUBLIC;
END $$;

-- A borrowed role changes nothing but rows. Without this it may GRANT what it may not (nothing comes of it but a
-- changed row in pg_class, which, in a transaction that stays open, keeps Vault from lending and ending for all
-- tasks), and set default privileges that name another's role. Owned by who prepares: it runs in everybody's DDL.
CREATE OR REPLACE FUNCTION exeat.refuse() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF session_user ~ '^x-t[0-9a-z]{20}-e[0-9]{1,18}-[0-9a-z]{12}$' THEN
    RAISE EXCEPTION 'a borrowed role may not %', tg_tag USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'exeat_refuse') THEN
    CREATE EVENT TRIGGER exeat_refuse ON ddl_command_start EXECUTE FUNCTION exeat.refuse();
  END IF;
END $$;
ALTER EVENT TRIGGER exeat_refuse ENABLE ALWAYS;

-- Ends, of the sessions of borrowed roles and of roles that are gone, all of these roles and those that stand in
-- others' way. What no event trigger sees stays possible: ALTER ROLE of itself, GRANT on the database, and locks
-- until there are none left. So these are ended: who has written to a catalogue, or has more locks than honest work
-- needs, or may be the one that holds this database's row. The last is exact unless it was done in a savepoint
-- that is released: then it is each borrowed session whose transaction writes and is older. Takes no lock on a shared
-- catalogue, as there may be none to be had. Answers how many it signalled; they may take a moment.
CREATE OR REPLACE FUNCTION exeat.make_way(lent name[] DEFAULT '{}') RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  round CONSTANT bigint := 4294967296;
  next bigint;
  writer xid;
  signalled integer;
BEGIN
  BEGIN
    SELECT xmax INTO writer FROM pg_database WHERE datname = current_database();
    next := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    -- The number with its round of 2^32, the nearest to now.
    next := next - ((next - writer::text::bigint + round / 2) % round - round / 2);
    IF writer = '0'::xid OR next <= 0 OR pg_xact_status(next::text::xid8) IS DISTINCT FROM 'in progress' THEN
      writer := NULL;
    END IF;
  EXCEPTION WHEN out_of_memory OR lock_not_available OR invalid_parameter_value THEN -- no lock to be had; or too new to be known
    writer := NULL;
  END;
  PERFORM pg_stat_clear_snapshot();
  WITH holding AS MATERIALIZED (
    SELECT pid,
           count(*) > 1000
             OR bool_or(locktype = 'relation' AND relation < 16384 AND mode NOT IN ('AccessShareLock', 'RowShareLock'))
             OR coalesce(bool_or(transactionid = writer), false) AS exactly,
           coalesce(bool_or(age(transactionid) > age(writer)), false) AS maybe
      FROM pg_lock_status()
     WHERE granted
     GROUP BY pid)
  SELECT count(*) FILTER (WHERE pg_terminate_backend(s.pid)) INTO signalled
    FROM (SELECT pid, usesysid, pg_get_userbyid(usesysid) AS whose
            FROM pg_stat_get_activity(NULL)
           WHERE usesysid IS NOT NULL AND pid <> pg_backend_pid()) s
   WHERE s.whose = ANY (lent) AND s.whose ~ '^(x-t[0-9a-z]{20}-e[0-9]{1,18}|exeat-verifier)-[0-9a-z]{12}$'
      OR s.whose ~ format('^(x-t[0-9a-z]{20}-e[0-9]{1,18}-[0-9a-z]{12}|unknown \(OID=%s\))$', s.usesysid)
         AND EXISTS (
           SELECT FROM holding h
            WHERE h.pid = s.pid
              AND (h.exactly
                   OR h.maybe AND NOT EXISTS (SELECT FROM pg_lock_status() t WHERE t.transactionid = writer)));
  RETURN signalled;
END $$;

-- Vault, before it grants: nobody stands in the way, nobody else changes privileges until the transaction ends (two
-- that change those of one table fail otherwise), and nothing waits for a lock for more than 1 s.
CREATE OR REPLACE FUNCTION exeat.take_turn() RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SET LOCAL lock_timeout = '1s';
  LOCK TABLE exeat.turn IN EXCLUSIVE MODE;
  PERFORM exeat.make_way();
END $$;

-- Vault's revocation statement: one transaction, in which everything of the role ends. A role that is not there
-- is ended. Sessions that slip in before it commits hold nothing: privileges are granted to the role itself,
-- never to a group that SET ROLE would keep. The verifier ends those sessions. No agent's lock is waited for:
-- whoever holds one is ended, again and again, for 2 s at most; then it fails, and Vault tries again.
CREATE OR REPLACE FUNCTION exeat.end_role(lent text) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  until timestamptz := clock_timestamp() + interval '2 s';
  shut boolean := false;
  owning integer := 0;
BEGIN
  IF lent !~ '^(x-t[0-9a-z]{20}-e[0-9]{1,18}|exeat-verifier)-[0-9a-z]{12}$' THEN
    RAISE EXCEPTION 'not a role that Exeat lends';
  END IF;
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = lent) THEN
      RETURN;
    END IF;
    BEGIN
      IF NOT shut THEN
        EXECUTE format('ALTER ROLE %I NOLOGIN CONNECTION LIMIT 0 PASSWORD NULL', lent);
      END IF;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected OR internal_error OR out_of_memory OR undefined_object THEN
        IF clock_timestamp() >= until THEN
          RAISE;
        END IF;
        PERFORM exeat.make_way(ARRAY[lent]::name[]);
        PERFORM pg_sleep(0.002);
        CONTINUE;
    END;
    shut := true;
    FOR i IN 1..20 LOOP
      EXIT WHEN exeat.make_way(ARRAY[lent]::name[]) = 0;
      PERFORM pg_sleep(0.005);
    END LOOP;
    BEGIN
      SET LOCAL lock_timeout = '1500ms';
      LOCK TABLE exeat.turn IN EXCLUSIVE MODE;
      SET LOCAL lock_timeout = '20ms';
      -- DROP OWNED asks for membership; a role's creator has only the right to give it.
      EXECUTE format('GRANT %I TO %I', lent, current_user);
      EXECUTE format('DROP OWNED BY %I CASCADE', lent);
      EXECUTE format('DROP ROLE %I', lent);
      RETURN;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected OR internal_error THEN
        IF clock_timestamp() >= until THEN
          RAISE;
        END IF;
      -- Made since DROP OWNED, or in another database; more than there are locks, or others have them.
      WHEN dependent_objects_still_exist OR out_of_memory THEN
        owning := owning + 1;
        IF owning = 3 THEN
          RAISE;
        END IF;
    END;
  END LOOP;
END $$;

-- The verifier: nobody can log in any more as any role of the epoch, known or not, or as one of them. Committed
-- when the call returns (autocommit). Their sessions are ended too: an agent's open transaction can hold its own
-- role, and 20 ms is all that it is waited for. Answers how many roles there were; less than 0 is how many of them
-- were held for more than 1 s and are not shut, while the others are.
CREATE OR REPLACE FUNCTION exeat.shut(epoch text, principal text) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  until timestamptz := clock_timestamp() + interval '1 s';
  every name[];
  next name[];
  held name[];
  lent name;
BEGIN
  IF epoch !~ '^t[0-9a-z]{20}-e[0-9]{1,18}$' THEN
    RAISE EXCEPTION 'not the label of an epoch';
  END IF;
  every := ARRAY(
    SELECT rolname FROM pg_roles
     WHERE starts_with(rolname, 'x-' || epoch || '-') AND (principal IS NULL OR rolname = principal));
  held := every;
  LOOP
    next := held;
    held := '{}';
    FOREACH lent IN ARRAY next LOOP
      BEGIN
        EXECUTE format('ALTER ROLE %I NOLOGIN CONNECTION LIMIT 0 PASSWORD NULL', lent);
      EXCEPTION
        WHEN lock_not_available OR deadlock_detected OR internal_error OR out_of_memory THEN
          held := held || lent;
        WHEN undefined_object THEN -- Vault was faster
          NULL;
      END;
    END LOOP;
    PERFORM exeat.make_way(every);
    EXIT WHEN held = '{}' OR clock_timestamp() >= until;
    PERFORM pg_sleep(0.002);
  END LOOP;
  RETURN CASE held WHEN '{}' THEN cardinality(every) ELSE -cardinality(held) END;
END $$;

-- The verifier: ends the sessions of these roles, and those of roles that are gone (nobody can say whose they
-- were), again and again until there are none or the time is over; then says what is left. Of roles that are there
-- still it unlinks some large objects, should they have any: Vault cannot drop a role that has more of them than
-- one transaction has locks.
CREATE OR REPLACE FUNCTION exeat.look(
    epoch text, principal text, at_most interval,
    OUT roles text[], OUT able text[], OUT sessions integer, OUT orphans integer, OUT ended integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  until timestamptz := clock_timestamp() + at_most;
  lent text;
BEGIN
  IF epoch !~ '^t[0-9a-z]{20}-e[0-9]{1,18}$' THEN
    RAISE EXCEPTION 'not the label of an epoch';
  END IF;
  ended := 0;
  LOOP
    PERFORM pg_stat_clear_snapshot();
    SELECT coalesce(array_agg(r.rolname ORDER BY r.rolname), '{}'),
           coalesce(array_agg(r.rolname ORDER BY r.rolname) FILTER (WHERE r.rolcanlogin), '{}')
      INTO roles, able
      FROM pg_roles r
     WHERE starts_with(r.rolname, 'x-' || epoch || '-') AND (principal IS NULL OR r.rolname = principal);
    SELECT count(*) FILTER (WHERE r.oid IS NOT NULL), count(*) FILTER (WHERE r.oid IS NULL),
           ended + count(*) FILTER (WHERE pg_terminate_backend(a.pid))
      INTO sessions, orphans, ended
      FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
     WHERE a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid()
       AND (r.oid IS NULL OR r.rolname = ANY (roles));
    EXIT WHEN sessions = 0 AND orphans = 0 OR clock_timestamp() >= until;
    PERFORM pg_sleep(0.002);
  END LOOP;
  FOREACH lent IN ARRAY roles LOOP
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM pg_shdepend d
       WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = lent)
         AND d.classid = 'pg_largeobject'::regclass AND d.deptype = 'o');
    BEGIN
      EXECUTE format('GRANT %I TO %I', lent, current_user);
      PERFORM lo_unlink(d.objid)
         FROM (SELECT e.objid FROM pg_shdepend e
                WHERE e.refclassid = 'pg_authid'::regclass
                  AND e.refobjid = (SELECT r.oid FROM pg_roles r WHERE r.rolname = lent)
                  AND e.classid = 'pg_largeobject'::regclass AND e.deptype = 'o'
                  AND e.dbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
                LIMIT 2000) d;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected OR internal_error OR out_of_memory OR undefined_object THEN
        NULL; -- the next look goes on
    END;
  END LOOP;
END $$;

DO $$
DECLARE
  admin text := coalesce(nullif(current_setting('exeat.admin', true), ''), 'vaultadmin');
BEGIN
  EXECUTE format('ALTER FUNCTION exeat.make_way(name[]) OWNER TO %I', admin);
  EXECUTE format('ALTER FUNCTION exeat.take_turn() OWNER TO %I', admin);
  EXECUTE format('ALTER FUNCTION exeat.end_role(text) OWNER TO %I', admin);
  EXECUTE format('ALTER FUNCTION exeat.shut(text, text) OWNER TO %I', admin);
  EXECUTE format('ALTER FUNCTION exeat.look(text, text, interval) OWNER TO %I', admin);
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA exeat FROM PUBLIC;
END $$;

COMMIT;
