-- SPDX-License-Identifier: ISC
-- Copyright The certgate authors
--
-- The database of a fleet: certgate fleet init prints this; psql runs it, as
-- the owner of the database with CREATEROLE, any number of times.
--
--	certgate fleet init | psql -v ON_ERROR_STOP=1 -1 DATABASE
--
-- Every change of the entries is a row with the next revision.  The revision is
-- taken first, by a lock on the one row of head that is held to the commit: the
-- order of revisions is the order of commits, and none is missing.  The digest
-- of a change covers the digest before it.

do $$
begin
	if current_setting('server_encoding') <> 'UTF8' then
		raise 'certgate: the encoding of the database is not UTF8';
	end if;
	if not exists (select from pg_roles where rolname = 'certgate_admin')
	then
		create role certgate_admin nologin;
	end if;
	if not exists (select from pg_roles where rolname = 'certgate_host')
	then
		create role certgate_host nologin;
	end if;
end $$;

create schema if not exists certgate;

-- Return true for an entry that certgate parses, so that none stops a host.
-- Pins are written in one way, so that one entry has one text.
create or replace function certgate.is_entry(entry text) returns boolean
language sql immutable strict parallel safe as $$
	with part as (select -- each text is a part of a regular expression
		'(spki:[0-9a-f]{64}|[0-9a-f]{64}|[0-9a-f]{40})' as pin,
		'[0-9]{4}-[0-9]{2}-[0-9]{2}' as date,
		'(@cn|@san|[^ "@][^ "]*|" *[^ "@][^"]*")' as name,
		'(%1$s(,%1$s)*|"%2$s(,%2$s)*")' as list,
		'(webpubsub\.)?(joinLeave|sendTo)Group(\.(?=[^ ",])[^ ",]+'
		'|s\.(?=[^ ",])([^ ",*\ue000]|\ue000[^ ",])*'
		'(\*\*?([^ ",*\ue000]|\ue000[^ ",])*){0,5})?' as role,
		'[!#$%&''*+.^_`|~0-9A-Za-z-]+' as token,
		'[A-Za-z][A-Za-z0-9_`.[\]]{0,127}' as hub),
	-- An escaped backslash counts as one letter, and so does \" or \,
	line as (select regexp_replace(regexp_replace(entry, '\\\\',
		chr(57344), 'g'), '\\[",]', chr(57345), 'g') as text)
	select case
	when entry ~ ('^(deny )?' || pin || '$') then true
	when octet_length(entry) > 32768
		or text ~ '[\\\u0001-\u001f\u007f-\u00a0\u00ad\u034f\u061c]'
		or text ~ '[\u115f-\u1160\u1680\u17b4-\u17b5\u180b-\u180f]'
		or text ~ '[\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800]'
		or text ~ '[\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc]'
		or text ~ '[\U0001bca0-\U0001bca3\U0001d159]'
		or text ~ '[\U0001d173-\U0001d17a\U000e0000-\U000e0fff]'
		or text ~ '( [^ ="]+=)(.*\1)' -- an option twice
		or text ~ '^spki:.*=@(cn|san)'
		or text ~ '( query\..*){9}'
		or length(text) - length(replace(text, ',', '')) > 255
	then false
	when octet_length(text) > 1024 and exists (select from regexp_matches(
		text, '(?:(?:user|client-id|query\.[^ =]+)=[^ "]+|"[^"]*"'
		'|[^ ",]+)', 'g') m where octet_length(m[1]) > 1024)
	then false
	else text ~ ('^(deny ' || pin || '( expires=' || date || ')?|' || pin ||
		'( (user=(@thumbprint|' || name || ')'
		'|(client-id|query\.' || token || ')=' || name ||
		'|groups=' || format(list, '[^ ",]+', ' *[^ ",][^",]*') ||
		'|roles=' || format(list, role, replace(replace(role,
			'[^ ",', '[^",'), '(?=[^",])', '(?= *[^ ",])')) ||
		'|subprotocol=' || format(list, token, token) ||
		'|hub=' || format(list, hub, hub) ||
		'|(not-before|expires)=' || date || '))*)$')
		-- The casts refuse a day that does not exist.
		and coalesce(substring(text from ' not-before=([0-9-]+)')::date
			<= substring(text from ' expires=([0-9-]+)')::date, true)
	end from part, line
$$;

-- The key of an entry: an index has no room for a long one.
create or replace function certgate.key(entry text) returns bytea
language sql immutable strict parallel safe as $$
	select sha256(convert_to(entry, 'UTF8'))
$$;

-- A previous digest, a revision, a verb and an entry: the next digest.
create or replace function certgate.digest(previous bytea, rev bigint,
	verb text, entry text) returns bytea
language sql immutable strict parallel safe as $$
	select sha256(previous || int8send(rev) ||
		convert_to(verb || ' ' || entry, 'UTF8'))
$$;

create table if not exists certgate.head (
	one boolean primary key default true check (one),
	rev bigint not null,
	digest bytea not null
) with (fillfactor = 10);

create table if not exists certgate.change (
	rev bigint primary key,
	verb text not null check (verb in ('begin', 'add', 'remove')),
	entry text not null,
	actor text not null default session_user,
	made timestamptz not null default clock_timestamp(),
	digest bytea not null,
	previous bytea not null
);

-- The entries in force: all changes from the first one on, in their order.
create table if not exists certgate.entry (
	entry text not null
		constraint is_entry check (certgate.is_entry(entry)),
	pin text generated always as
		(substring(entry from '([0-9a-f]{40,64})( |$)')) stored,
	comment text not null default '',
	rev bigint not null
);
-- The command reads a comment as the end of a line.
update certgate.entry set comment = left(regexp_replace(comment,
		'[\u0001-\u001f\u007f-\u009f\u2028\u2029]', ' ', 'g'), 250)
	where octet_length(comment) > 1000
		or comment ~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]';
alter table certgate.entry drop constraint if exists is_comment;
alter table certgate.entry add constraint is_comment
	check (octet_length(comment) <= 1000 and comment !~
		'[\u0001-\u001f\u007f-\u009f\u2028\u2029]') not valid;
-- is_entry requires a pin, and its name tells more.
alter table certgate.entry alter column pin drop not null;
create unique index if not exists entry_key on certgate.entry
	(certgate.key(entry));
create index if not exists entry_pin on certgate.entry (pin);
-- Hosts read all entries in the order of their revisions: the first entry of a
-- pin that matches decides, on each host the same.
create index if not exists entry_rev on certgate.entry (rev);

create table if not exists certgate.host (
	name text primary key,
	rev bigint not null,
	digest bytea not null,
	contact timestamptz not null,
	problem text not null default ''
) with (fillfactor = 50);
-- A summary of the host's log of the last hour; of any form.
alter table certgate.host add column if not exists report jsonb;

-- Revisions that the host applied and that the database no longer has, after a
-- fail-over or a restored backup; an empty change is not known.
alter table certgate.host add column if not exists gone jsonb not null
	default '[]';
drop table if exists certgate.gone;

insert into certgate.change (rev, verb, entry, digest, previous)
	select 0, 'begin', '', sha256(''), ''
	where not exists (select from certgate.head);
insert into certgate.head (rev, digest) values (0, sha256(''))
	on conflict do nothing;

-- Make changes, each a verb and an entry, in one transaction; return the last
-- revision.
create or replace function certgate.make(verbs text[], entries text[],
	comments text[] default '{}') returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
-- Statistics of a small table are wrong within a large change of it.
set enable_seqscan = off as $$
declare
	n int := cardinality(verbs);
	r bigint;
	d bytea;
	p bytea;
	v text;
	e text;
	c text;
begin
	if n = 0 or n <> cardinality(entries) then
		raise 'certgate: % verbs for % entries', n, cardinality(entries);
	end if;
	update certgate.head set rev = rev + n
		returning rev - n, digest into strict r, d;
	for v, e, c in select * from unnest(verbs, entries, comments) loop
		p := d;
		r := r + 1;
		d := certgate.digest(p, r, v, e);
		if d is null then
			raise 'certgate: a verb or an entry is null';
		elsif v = 'add' then -- the table checks the entry
			insert into certgate.entry (entry, comment, rev)
				values (e, coalesce(c, ''), r)
				on conflict do nothing;
			if (select sum(octet_length(o.entry)) > 65536
				from certgate.entry o where o.pin = substring(
				e from '([0-9a-f]{40,64})( |$)')) then
				raise 'certgate: too many entries of one pin';
			end if;
		elsif v = 'remove' then
			delete from certgate.entry
				where certgate.key(entry.entry) =
					certgate.key(e);
		else
			raise 'certgate: unknown verb %', v;
		end if;
		if not found then
			raise 'certgate: %: %', case v when 'add'
				then 'there is already' else 'there is no' end,
				left(e, 120) using errcode = 'unique_violation';
		end if;
		insert into certgate.change
			(rev, verb, entry, digest, previous)
			values (r, v, e, d, p);
	end loop;
	update certgate.head set digest = d;
	perform pg_notify('certgate', r::text);
	return r;
end $$;

create or replace function certgate.allow(entry text, comment text default '')
	returns bigint language sql as $$
	select certgate.make('{add}', array[entry], array[comment])
$$;
create or replace function certgate.deny(entry text, comment text default '')
	returns bigint language sql as $$
	select certgate.make('{add}', array['deny ' || entry], array[comment])
$$;
create or replace function certgate.remove(entry text) returns bigint
language sql as $$
	select certgate.make('{remove}', array[entry])
$$;

-- Drop the text of all changes but the last ones.  A host that is further
-- behind reads all entries again.
create or replace function certgate.compact(keep bigint) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	n bigint;
begin
	delete from certgate.change c using certgate.head h
		where c.rev < h.rev - greatest(keep, 0);
	get diagnostics n = row_count;
	return n;
end $$;

-- Remove a host that is out of service.  Refuse if its row has revisions that
-- are gone: no other row may name them.
create or replace function certgate.forget(host text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	delete from certgate.host h
		where h.name = forget.host and h.gone = '[]';
	if found then
		return true;
	end if;
	if exists (select from certgate.host h where h.name = forget.host) then
		raise 'certgate: % had revisions that are gone (fix: make the '
			'changes again that certgate fleet status prints, '
			'then select certgate.settle())', left(host, 120);
	end if;
	return false;
end $$;

-- For a host, which is named by its login: note that it is at this revision,
-- and return the change of that revision and those behind it.  No row: the
-- database does not have this revision with this digest.
create or replace function certgate.pull(at bigint, at_digest bytea,
	problem text, most int) returns table (rev bigint, verb text,
	entry text, digest bytea)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	insert into certgate.host as h (name, rev, digest, contact, problem)
		values (session_user, at, at_digest, clock_timestamp(),
			left(pull.problem, 500))
		on conflict (name) do update set rev = excluded.rev,
			digest = excluded.digest, contact = excluded.contact,
			problem = excluded.problem
		where (h.rev, h.digest, h.problem) is distinct from
			(excluded.rev, excluded.digest, excluded.problem)
			or h.contact < excluded.contact - interval '2 s'
			or h.contact > excluded.contact;
	if found then
		perform pg_notify('certgate_host', session_user);
	end if;
	if exists (select from certgate.change c
			where c.rev = at and c.digest = at_digest) then
		return query select c.rev, c.verb, c.entry, c.digest
			from certgate.change c where c.rev >= at
			order by c.rev limit most;
	end if;
end $$;

-- For a host: keep the report that it sends.
create or replace function certgate.report(json text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
	if octet_length(json) > 65536 then
		raise 'certgate: a report of % bytes', octet_length(json);
	end if;
	-- A name in a certificate can have a NUL, which jsonb cannot.
	update certgate.host h
		set report = replace(json, '\u0000', '\ufffd')::jsonb
		where h.name = session_user;
end $$;

-- For a host: these revisions, which it applied, may be gone.  Since the last
-- pull, a forget may have removed its row.
create or replace function certgate.miss(revs bigint[], digests text[],
	changes text[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	insert into certgate.host (name, rev, digest, contact)
		values (session_user, -1, '', clock_timestamp())
		on conflict (name) do update set contact = excluded.contact;
	update certgate.host h set gone = h.gone || (
		select coalesce(jsonb_agg(m), '[]') from (
			select distinct on (rev, digest) rev, digest,
				left(change, 1000) as change,
				date_trunc('second', clock_timestamp()) as seen
			from unnest(revs, digests, changes)
				as u(rev, digest, change)
			where (rev >= (select min(c.rev) from certgate.change c)
				or rev > (select d.rev from certgate.head d))
				and digest ~ '^[0-9a-f]{64}$'
				and not h.gone @> jsonb_build_array(
					jsonb_build_object('rev', rev,
					'digest', digest))
				and not exists (select from certgate.change c
					where c.rev = u.rev and
					encode(c.digest, 'hex') = u.digest)
			order by rev, digest, u.change desc limit 300) m)
		where name = session_user and jsonb_array_length(gone) < 300
$$;

-- Forget the revisions that are gone, once the changes that still count are
-- made again.
create or replace function certgate.settle() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
	update certgate.host set gone = '[]' where gone <> '[]'
$$;

revoke all on schema certgate from public;
revoke all on all tables in schema certgate from public;
revoke all on all functions in schema certgate from public;
grant usage on schema certgate to certgate_admin, certgate_host;
grant select on all tables in schema certgate to certgate_admin;
revoke select on certgate.entry from certgate_host;
grant select on certgate.head to certgate_host;
grant select (entry, rev) on certgate.entry to certgate_host;
grant execute on function certgate.make, certgate.allow, certgate.deny,
	certgate.remove, certgate.compact, certgate.forget, certgate.settle
	to certgate_admin;
grant execute on function certgate.pull, certgate.report, certgate.miss,
	certgate.key to certgate_host;
