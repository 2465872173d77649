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
--   * the schema exeat with three functions of that role: end_role for Vault, shut and look for the verifier,
--     whose own role may do nothing else. They touch no other role than those that Exeat lends.
-- and takes from PUBLIC, in this database, what would let a borrowed role own something: a role that owns a
-- temporary table cannot be dropped.

BEGIN;

DO $$
DECLARE
  admin text := coalesce(nullif(current_setting('exeat.admin', true), ''), 'vaultadmin');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = admin) THEN
    EXECUTE format('CREATE ROLE %I', admin);
  END IF;
  EXECUTE format('ALTER ROLE %I LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS', admin);
  EXECUTE format('GRANT pg_signal_backend TO %I', admin);

  EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  -- So that what Vault creates can connect where CONNECT was taken from PUBLIC.
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I WITH GRANT OPTION', current_database(), admin);

  CREATE SCHEMA IF NOT EXISTS exeat;
  EXECUTE format('ALTER SCHEMA exeat OWNER TO %I', admin);
  REVOKE ALL ON SCHEMA exeat FROM PUBLIC;
END $$;

-- Vault's revocation statement: one transaction, in which everything of the role ends. A role that is not there
-- is ended. Sessions that slip in before it commits hold nothing: privileges are granted to the role itself,
-- never to a group that SET ROLE would keep. The verifier ends those sessions.
CREATE OR REPLACE FUNCTION exeat.end_role(lent text) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF lent !~ '^(x-t[0-9a-z]{20}-e[0-9]{1,18}|exeat-verifier)-[0-9a-z]{12}$' THEN
    RAISE EXCEPTION 'not a role that Exeat lends';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = lent) THEN
    RETURN;
  END IF;
  EXECUTE format('ALTER ROLE %I NOLOGIN CONNECTION LIMIT 0 PASSWORD NULL', lent);
  FOR i IN 1..100 LOOP
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = lent;
    EXIT WHEN NOT FOUND;
    PERFORM pg_sleep(0.005);
  END LOOP;
  -- DROP OWNED asks for membership; a role's creator has only the right to give it.
  EXECUTE format('GRANT %I TO %I', lent, current_user);
  EXECUTE format('DROP OWNED BY %I CASCADE', lent);
  EXECUTE format('DROP ROLE %I', lent);
END $$;

-- The verifier: nobody can log in any more as any role of the epoch, known or not, or as one of them. Committed
-- when the call returns (autocommit). Answers how many roles there were.
CREATE OR REPLACE FUNCTION exeat.shut(epoch text, principal text) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lent text;
  closed integer := 0;
BEGIN
  IF epoch !~ '^t[0-9a-z]{20}-e[0-9]{1,18}$' THEN
    RAISE EXCEPTION 'not the label of an epoch';
  END IF;
  FOR lent IN
    SELECT rolname FROM pg_roles
     WHERE starts_with(rolname, 'x-' || epoch || '-') AND (principal IS NULL OR rolname = principal)
  LOOP
    EXECUTE format('ALTER ROLE %I NOLOGIN CONNECTION LIMIT 0 PASSWORD NULL', lent);
    closed := closed + 1;
  END LOOP;
  RETURN closed;
END $$;

-- The verifier: ends the sessions of these roles, and those of roles that are gone (nobody can say whose they
-- were), again and again until there are none or the time is over; then says what is left.
CREATE OR REPLACE FUNCTION exeat.look(
    epoch text, principal text, at_most interval,
    OUT roles text[], OUT able text[], OUT sessions integer, OUT orphans integer, OUT ended integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  until timestamptz := clock_timestamp() + at_most;
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
END $$;

DO $$
DECLARE
  admin text := coalesce(nullif(current_setting('exeat.admin', true), ''), 'vaultadmin');
BEGIN
  EXECUTE format('ALTER FUNCTION exeat.end_role(text) OWNER TO %I', admin);
  EXECUTE format('ALTER FUNCTION exeat.shut(text, text) OWNER TO %I', admin);
  EXECUTE format('ALTER FUNCTION exeat.look(text, text, interval) OWNER TO %I', admin);
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA exeat FROM PUBLIC;
END $$;

-- Not changed, because others may rely on it.
DO $$
DECLARE
  other text;
BEGIN
  FOR other IN
    SELECT datname FROM pg_database
     WHERE datallowconn AND datname <> current_database()
       AND has_database_privilege('public', oid, 'CONNECT')
       AND has_database_privilege('public', oid, 'TEMPORARY')
  LOOP
    RAISE NOTICE 'every role, also a borrowed one, may connect to % and make temporary tables there', other;
  END LOOP;
END $$;

COMMIT;
