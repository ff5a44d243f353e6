! Read the numbers and attributes of a file as a Fortran code does, and print what was found.
!
!   gfortran -O1 -Wall -I$TOOLS/hdf5-1.14/include tests/corpus/read_fortran.f90 -o read_fortran \
!       -L$TOOLS/hdf5-1.14/lib -Wl,-rpath,$TOOLS/hdf5-1.14/lib -lhdf5_hl_fortran -lhdf5_fortran -lhdf5
!   read_fortran FILE
!
! Groups are listed by the calls of HDF5 1.4 (h5gn_members_f), data of up to three dimensions is read
! into ordinary Fortran arrays, and once more through H5LT. The file's name is never printed. Exit code
! 1 if the file cannot be opened.
module reading
  use hdf5
  use h5lt
  implicit none
  integer, parameter :: name_length = 1024, deepest = 40, most_groups = 6000
  integer :: groups = 0
  integer(hsize_t), parameter :: largest = 8 * 1024 * 1024
contains

  recursive subroutine print_group(file, path, depth)
    integer(hid_t), intent(in) :: file
    character(len=*), intent(in) :: path
    integer, intent(in) :: depth
    character(len=name_length) :: name
    character(len=:), allocatable :: child
    integer(hid_t) :: group
    integer :: members, kind, i, error
    call h5gopen_f(file, path, group, error)
    if (error /= 0) then
      print '(3a)', 'group ', path, ' failed'
      return
    end if
    call h5gn_members_f(file, path, members, error)
    print '(3a,i0)', 'group ', path, ' members ', members
    call print_attributes(group)
    call h5gclose_f(group, error)
    ! Cycles of hard links would go on for ever.
    groups = groups + 1
    if (depth == deepest .or. groups > most_groups) return
    do i = 0, members - 1
      call h5gget_obj_info_idx_f(file, path, i, name, kind, error)
      if (error /= 0) then
        print '(a,i0,a)', 'member ', i, ' failed'
        cycle
      end if
      child = trim(path) // trim(name)
      if (len_trim(name) == 0 .or. len(child) > 4000) cycle
      if (kind == H5G_GROUP_F .and. len(child) + 1 < 200) then
        call print_group(file, child // '/', depth + 1)
      else if (kind == H5G_DATASET_F) then
        call print_dataset(file, child)
      else
        print '(3a,i0)', 'other ', child, ' kind ', kind
      end if
    end do
  end subroutine

  subroutine print_attributes(object)
    integer(hid_t), intent(in) :: object
    character(len=name_length) :: name
    integer(hid_t) :: attribute, space, type
    integer(hsize_t) :: points, shape(1)
    integer(size_t) :: name_size = name_length
    integer :: count, i, class, length, error
    real(8), allocatable :: values(:)
    call h5aget_num_attrs_f(object, count, error)
    do i = 0, min(count, 100) - 1
      call h5aopen_idx_f(object, i, attribute, error)
      if (error /= 0) then
        print '(a,i0,a)', '  attribute ', i, ' failed'
        cycle
      end if
      name = ''
      call h5aget_name_f(attribute, name_size, name, length)
      call h5aget_space_f(attribute, space, error)
      call h5sget_simple_extent_npoints_f(space, points, error)
      call h5aget_type_f(attribute, type, error)
      call h5tget_class_f(type, class, error)
      print '(3a,i0,a,i0)', '  attribute ', trim(name), ' class ', class, ' points ', points
      if (is_number(type) .and. points > 0 .and. points <= largest) then
        allocate (values(points))
        shape = points
        call h5aread_f(attribute, H5T_NATIVE_DOUBLE, values, shape, error)
        call print_values(values, points, error)
        deallocate (values)
      end if
      call h5tclose_f(type, error)
      call h5sclose_f(space, error)
      call h5aclose_f(attribute, error)
    end do
  end subroutine

  ! HDF5 crashes when it converts integers of more than eight bytes to floating point.
  logical function is_number(type)
    integer(hid_t), intent(in) :: type
    integer(size_t) :: size
    integer :: class, error
    call h5tget_class_f(type, class, error)
    call h5tget_size_f(type, size, error)
    is_number = class == H5T_FLOAT_F .or. (class == H5T_INTEGER_F .and. size <= 8)
  end function

  subroutine print_dataset(file, path)
    integer(hid_t), intent(in) :: file
    character(len=*), intent(in) :: path
    integer(hid_t) :: dataset, space, type
    integer(hsize_t) :: shape(32), maximum(32), points
    integer :: rank, class, error
    call h5dopen_f(file, path, dataset, error)
    if (error /= 0) then
      print '(3a)', 'dataset ', path, ' failed'
      return
    end if
    call h5dget_space_f(dataset, space, error)
    call h5sget_simple_extent_ndims_f(space, rank, error)
    call h5sget_simple_extent_npoints_f(space, points, error)
    if (rank > 0) call h5sget_simple_extent_dims_f(space, shape, maximum, error)
    call h5dget_type_f(dataset, type, error)
    call h5tget_class_f(type, class, error)
    print '(3a,i0,a,*(1x,i0))', 'dataset ', path, ' class ', class, ' shape', shape(1:max(rank, 0))
    call print_attributes(dataset)
    if (is_number(type) .and. points > 0 .and. points <= largest) then
      if (rank >= 1 .and. rank <= 3) call read_numbers(dataset, rank, shape, points)
      if (rank >= 1 .and. rank <= 3) call read_lite(file, path, rank, shape, points)
      if (rank == 2) call read_corner(dataset, space, shape)
    end if
    call h5tclose_f(type, error)
    call h5sclose_f(space, error)
    call h5dclose_f(dataset, error)
  end subroutine

  subroutine read_numbers(dataset, rank, shape, points)
    integer(hid_t), intent(in) :: dataset
    integer, intent(in) :: rank
    integer(hsize_t), intent(in) :: shape(:), points
    real(8), allocatable :: line(:), plane(:, :), cube(:, :, :)
    integer :: error
    select case (rank)
    case (1)
      allocate (line(shape(1)))
      call h5dread_f(dataset, H5T_NATIVE_DOUBLE, line, shape(1:1), error)
    case (2)
      allocate (plane(shape(1), shape(2)))
      call h5dread_f(dataset, H5T_NATIVE_DOUBLE, plane, shape(1:2), error)
      line = reshape(plane, [points])
    case (3)
      allocate (cube(shape(1), shape(2), shape(3)))
      call h5dread_f(dataset, H5T_NATIVE_DOUBLE, cube, shape(1:3), error)
      line = reshape(cube, [points])
    end select
    call print_values(line, points, error)
  end subroutine

  subroutine read_lite(file, path, rank, shape, points)
    integer(hid_t), intent(in) :: file
    character(len=*), intent(in) :: path
    integer, intent(in) :: rank
    integer(hsize_t), intent(in) :: shape(:), points
    real(8), allocatable :: line(:), plane(:, :), cube(:, :, :)
    integer(hsize_t) :: found(32)
    integer(size_t) :: size
    integer :: dimensions, class, error
    call h5ltget_dataset_ndims_f(file, path, dimensions, error)
    call h5ltget_dataset_info_f(file, path, found(1:rank), class, size, error)
    print '(a,i0,a,*(1x,i0))', '  H5LT rank ', dimensions, ' shape', found(1:rank)
    select case (rank)
    case (1)
      allocate (line(shape(1)))
      call h5ltread_dataset_double_f(file, path, line, shape(1:1), error)
    case (2)
      allocate (plane(shape(1), shape(2)))
      call h5ltread_dataset_double_f(file, path, plane, shape(1:2), error)
      line = reshape(plane, [points])
    case (3)
      allocate (cube(shape(1), shape(2), shape(3)))
      call h5ltread_dataset_double_f(file, path, cube, shape(1:3), error)
      line = reshape(cube, [points])
    end select
    call print_values(line, points, error)
  end subroutine

  ! A hyperslab: every second element in both dimensions, as integers.
  subroutine read_corner(dataset, space, shape)
    integer(hid_t), intent(in) :: dataset, space
    integer(hsize_t), intent(in) :: shape(:)
    integer(hsize_t) :: start(2), count(2), stride(2)
    integer(hid_t) :: memory
    integer, allocatable :: values(:, :)
    integer :: error
    start = 0
    stride = 2
    count = (shape(1:2) + 1) / 2
    allocate (values(count(1), count(2)))
    values = 0
    call h5sselect_hyperslab_f(space, H5S_SELECT_SET_F, start, count, error, stride)
    call h5screate_simple_f(2, count, memory, error)
    call h5dread_f(dataset, H5T_NATIVE_INTEGER, values, count, error, memory, space)
    if (error /= 0) then
      print '(a)', '  hyperslab failed'
    else
      print '(a,3(1x,i0))', '  hyperslab', size(values), minval(values), maxval(values)
    end if
    call h5sclose_f(memory, error)
  end subroutine

  subroutine print_values(values, points, error)
    real(8), intent(in) :: values(:)
    integer(hsize_t), intent(in) :: points
    integer, intent(in) :: error
    if (error /= 0) then
      print '(a)', '  values failed'
    else
      print '(a,4(1x,es24.16e3))', '  values', values(1), values(points), minval(values), maxval(values)
      print '(a,1x,es24.16e3)', '  sum', sum(values, mask=abs(values) < 1e30)
    end if
  end subroutine
end module

program read_fortran
  use hdf5
  use reading
  implicit none
  character(len=4096) :: name
  integer(hid_t) :: file
  integer(hsize_t) :: size
  integer :: error
  if (command_argument_count() /= 1) stop 2
  call get_command_argument(1, name)
  call h5open_f(error)
  call h5eset_auto_f(0, error)
  call h5fopen_f(trim(name), H5F_ACC_RDONLY_F, file, error)
  if (error /= 0) then
    print '(a)', 'cannot open'
    stop 1
  end if
  call h5fget_filesize_f(file, size, error)
  print '(a,i0)', 'size ', size
  call print_group(file, '/', 0)
  call h5fclose_f(file, error)
  call h5close_f(error)
end program
