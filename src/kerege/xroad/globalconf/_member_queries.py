"""Questions about members, subsystems and global groups."""

from kerege.xroad.globalconf._instance import MemberInfo
from kerege.xroad.globalconf._lookup import Lookup
from kerege.xroad.globalconf.values import GlobalGroup, MemberClass
from kerege.xroad.identifiers import ClientId, GlobalGroupId


class MemberQueries(Lookup):
    """Who is registered, and in which groups."""

    def members(self, instance: str | None = None) -> tuple[MemberInfo, ...]:
        """Return members and subsystems of one instance or of all, in file order."""
        return tuple(
            info for index in self._chosen(instance) for info in index.clients.values()
        )

    def is_member(self, client: ClientId) -> bool:
        """Whether this member, or this subsystem, is registered."""
        index = self._instances.get(client.instance)
        return index is not None and client in index.clients

    def subsystem_exists(self, client: ClientId) -> bool:
        """Whether ``client`` is a registered subsystem."""
        return client.subsystem_code is not None and self.is_member(client)

    def member_name(self, client: ClientId) -> str | None:
        """Return the name of the member, also of a subsystem's."""
        info = self._client(client.member)
        return info.member_name if info else None

    def subsystem_name(self, client: ClientId) -> str | None:
        """Return the name of the subsystem, if it has one."""
        info = self._client(client)
        return info.subsystem_name if info else None

    def member_classes(self, instance: str) -> tuple[MemberClass, ...]:
        """Return an instance's member classes. Raises ``internal_error``."""
        return self.shared_parameters(instance).member_classes

    def global_groups(
        self, instance: str | None = None
    ) -> tuple[tuple[GlobalGroupId, GlobalGroup], ...]:
        """Return the groups of one instance or of all, in file order."""
        return tuple(
            (group.id(index.shared.instance), group)
            for index in self._chosen(instance)
            for group in index.shared.global_groups
        )

    def global_group_members(self, group: GlobalGroupId) -> frozenset[ClientId]:
        """Return who is in a group; nobody is in one that does not exist."""
        index = self._instances.get(group.instance)
        found = index.groups.get(group.group_code) if index else None
        return found[1] if found else frozenset()

    def global_group_description(self, group: GlobalGroupId) -> str | None:
        """Return a group's description, or None if there is no such group."""
        index = self._instances.get(group.instance)
        found = index.groups.get(group.group_code) if index else None
        return found[0].description if found else None

    def is_in_global_group(self, client: ClientId, group: GlobalGroupId) -> bool:
        """Whether exactly this member or subsystem is in the group."""
        return client in self.global_group_members(group)

    def _client(self, client: ClientId) -> MemberInfo | None:
        index = self._instances.get(client.instance)
        return index.clients.get(client) if index else None
